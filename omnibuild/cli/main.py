"""The entry point: words are parsed here; how the command ends is decided in ``outcome``."""

from __future__ import annotations

import gc
import os
import signal
import sys

from omnibuild import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Nothing that takes time is loaded before an interruption is no traceback any more.
    from collections.abc import Callable, Sequence

EXIT_HOST, EXIT_INTERRUPTED = 9, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; without arguments, that of the program."""
    if arguments is None:
        signal.signal(signal.SIGINT, leave)
        # Until all is loaded, which is no garbage.
        gc.disable()
        _open_standard_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        # What scripts ask first, and often: answered before a parser is loaded.
        return _told(lambda: sys.stdout.write(f"omnibuild {__version__}\n"))
    from omnibuild.cli.parser import make_parser

    try:
        parsed = make_parser(words).parse_args(words or ["--help"])
    except SystemExit as stop:
        # After `--help`, what it wrote is still on its way.
        return int(stop.code or 0) or _told(lambda: None)
    except OSError as error:
        return _untold(error)
    # Imported after `--help` has ended, which needs nothing of it.
    from omnibuild.cli.outcome import run

    return run(parsed, words)


def _open_standard_streams() -> None:
    """Let what the caller closed lead to nothing: else a file of ours would get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - to the end


def _told(tell: Callable[[], object]) -> int:
    """Answer, and return the exit status."""
    try:
        tell()
        sys.stdout.flush()
    except OSError as error:
        return _untold(error)
    return 0


def _untold(error: OSError) -> int:
    """Return the exit status of an answer that found no place, or nobody who reads it."""
    # Not left to the interpreter's own end, which would try again.
    sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - to the end
    if isinstance(error, BrokenPipeError):
        return 1
    complain(f"error[host]: cannot write the answer: {error.strerror}\n")
    return EXIT_HOST


def complain(text: str) -> None:
    """Write to standard error; where that has no room the exit status has to say it."""
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - to the end


def leave(*_: object) -> None:
    """End at an interruption, where nothing was begun yet or all is done."""
    os._exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
