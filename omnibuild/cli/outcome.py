"""How a command ends: errors become one message and an exit status here, and nowhere else."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import signal
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from omnibuild import __version__
from omnibuild.cli.main import EXIT_INTERRUPTED, complain, leave
from omnibuild.errors import AuditError, HostError, OmnibuildError, printable

# Of a path that somebody chose or of the machine's state, wherever they are met. What is missing,
# there already or of the wrong kind is told where it is met, with what it means there.
MACHINE_ERRORS = (
    errno.EACCES,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.ELOOP,
    errno.EMFILE,
    errno.ENAMETOOLONG,
    errno.ENFILE,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EPERM,
    errno.EROFS,
    errno.ESTALE,
)

EXIT_BUG = 70


def run(parsed: argparse.Namespace, words: Sequence[str]) -> int:
    """Run the command that was parsed from ``words`` and return its exit status."""
    try:
        _check_directory()
        with _interruptible(), contextlib.redirect_stdout(cast("IO[str]", _Shown(sys.stdout))):
            status: int = parsed.run(parsed)
        sys.stdout.flush()
    except OmnibuildError as error:
        return report(error, as_json=parsed.json)
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        # The reader of our output is gone: nobody is left to tell.
        sys.stderr.close()
        return 1
    except OSError as error:
        if error.errno not in MACHINE_ERRORS:
            return _report_bug(words)
        return report(_refusal(error), as_json=parsed.json)
    except Exception as error:  # noqa: BLE001 - the one place: whatever comes here is a bug
        # What interrupts the making of a class comes wrapped.
        if isinstance(error.__cause__, KeyboardInterrupt):
            return _interrupted()
        return _report_bug(words)
    return status


def _interrupted() -> int:
    complain("\ninterrupted; what was finished is kept\n")
    return EXIT_INTERRUPTED


class _Shown:
    """Standard output that shows what others chose, as names of files, and obeys none of it.

    What a terminal would take for a command is spelled out, what its encoding lacks, too.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """Write ``text``."""
        encoded = printable(text).encode(self._encoding, "backslashreplace")
        return self._stream.write(encoded.decode(self._encoding))

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts, one after the other."""
        for line in lines:
            self.write(line)

    def isatty(self) -> bool:
        """Tell whether a person looks at it."""
        return self._stream.isatty()

    def flush(self) -> None:
        """Let it be seen now."""
        self._stream.flush()


def _check_directory() -> None:
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise HostError(
            "the directory that you are in does not exist any more", hint="cd to another one"
        ) from error


def _refusal(error: OSError) -> HostError:
    """Return what a system call said as an error of this machine."""
    paths = [os.fsdecode(path) for path in (error.filename, error.filename2) if path]
    what = f"cannot use {' and '.join(paths)}" if paths else "this machine refuses"
    return HostError(
        f"{what}: {os.strerror(error.errno or 0)}",
        hint="choose another path, or mend what the message names",
    )


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let an interruption be an exception during the block: what was begun is put right."""
    if signal.getsignal(signal.SIGINT) is not leave:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, leave)


def report(error: OmnibuildError, *, as_json: bool) -> int:
    """Tell an error and return the exit status that it stands for."""
    if as_json:
        document: dict[str, object] = {"event": "Error", **told(error)}
        if isinstance(error, AuditError):
            document["findings"] = error.findings
        # Loaded where something failed, as all that only tells of it.
        import json

        # The error may be that nothing can be written there.
        with contextlib.suppress(OSError):
            sys.stdout.write(json.dumps(document) + "\n")
    complain(f"error[{error.code}]: {error}\n")
    return error.exit_status


def told(error: OmnibuildError) -> dict[str, object]:
    """Return what machines are told of an error."""
    return {
        "code": error.code,
        "message": error.what,
        "where": str(error.where or ""),
        "why": error.why,
        "hint": error.hint,
    }


def _report_bug(words: Sequence[str]) -> int:
    import tempfile
    import traceback

    text = traceback.format_exc()
    with tempfile.NamedTemporaryFile(
        "w", prefix="omnibuild-bug-", suffix=".log", delete=False
    ) as log:
        log.write(f"omnibuild {__version__}\nPython {sys.version}\narguments: {words}\n\n{text}")
    complain(
        f"{text}\nerror[bug]: this is a mistake in omnibuild, not yours\n"
        f"  saved log: {Path(log.name)}\n  hint: please report it with that file\n"
    )
    return EXIT_BUG
