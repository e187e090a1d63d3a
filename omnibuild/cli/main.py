"""The entry point: words are parsed here; how the command ends is decided in ``outcome``."""

from __future__ import annotations

import os
import signal
import sys

from omnibuild import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    # Nothing that takes time is loaded before an interruption is no traceback any more.
    from collections.abc import Sequence

EXIT_HOST, EXIT_INTERRUPTED = 9, 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; without arguments, that of the program."""
    if arguments is None:
        signal.signal(signal.SIGINT, leave)
        _open_standard_streams()
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        # What scripts ask first, and often: answered before a parser is loaded.
        return _tell_version()
    from omnibuild.cli.parser import make_parser

    parsed = make_parser().parse_args(words)
    # Imported after `--help` has ended, which needs nothing of it.
    from omnibuild.cli.outcome import run

    return run(parsed, words)


def _open_standard_streams() -> None:
    """Let what the caller closed lead to nothing: else a file of ours would get its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - to the end


def _tell_version() -> int:
    try:
        sys.stdout.write(f"omnibuild {__version__}\n")
        sys.stdout.flush()
    except OSError as error:
        sys.stderr.write(f"error[host]: cannot write the answer: {error.strerror}\n")
        # Not left to the interpreter's own end, which would try again.
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - to the end
        return EXIT_HOST
    return 0


def leave(*_: object) -> None:
    """End at an interruption, where nothing was begun yet or all is done."""
    os._exit(EXIT_INTERRUPTED)


if __name__ == "__main__":
    sys.exit(main())
