"""The entry point: words are parsed here; how the command ends is decided in ``outcome``."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from omnibuild import __version__


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:
        # What scripts ask first, and often: answered before a parser is loaded.
        sys.stdout.write(f"omnibuild {__version__}\n")
        return 0
    from omnibuild.cli.parser import make_parser

    parsed = make_parser().parse_args(words)
    # Imported after `--help` has ended, which needs nothing of it.
    from omnibuild.cli.outcome import run

    return run(parsed, words)


if __name__ == "__main__":
    sys.exit(main())
