"""The command ``hello``."""

from __future__ import annotations

import argparse
import sqlite3
import sys
from collections.abc import Sequence

from hello import __version__, config, database


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(prog="hello", description="The example app of omnibuild.")
    parser.add_argument("--version", action="version", version=f"hello {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init-db", help="make the database, or bring it up to date")
    commands.add_parser("count", help="print how often the page was visited")
    wanted = parser.parse_args(arguments).command
    try:
        settings = config.load()
        if wanted == "init-db":
            database.initialise(settings.database)
        else:
            print(database.count(settings.database))
    except config.ConfigError as error:
        print(f"hello: {error}", file=sys.stderr)
        return 2
    except sqlite3.Error as error:
        print(f"hello: {settings.database}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
