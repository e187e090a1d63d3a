"""The options of all commands that work on a repository."""

from __future__ import annotations

import argparse
import os


def add_place(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """Add ``--repo``."""
    parser.add_argument(
        "--repo",
        required=required,
        metavar="PLACE",
        help="the repository: a directory, s3://bucket/prefix?endpoint=…&region=…,"
        " or ssh://user@host:port/directory",
    )


def add_key(parser: argparse.ArgumentParser) -> None:
    """Add ``--key``."""
    parser.add_argument(
        "--key",
        action="append",
        default=[],
        metavar="KEY",
        help="key that signs: a file, gpg:FINGERPRINT, or command:PROGRAM"
        " (default: $OMNIBUILD_KEY, or ~/.config/omnibuild/signing.key);"
        " again for each further key of a repository that several sign",
    )


def add_hook(parser: argparse.ArgumentParser) -> None:
    """Add ``--after-publish``."""
    parser.add_argument(
        "--after-publish",
        default=os.environ.get("OMNIBUILD_AFTER_PUBLISH", ""),
        metavar="COMMAND",
        help="run this, by the shell, when hosts were shown something new; on its standard input"
        " are the addresses that caches have to forget, one a line"
        " (default: $OMNIBUILD_AFTER_PUBLISH)",
    )


def add_channel(parser: argparse.ArgumentParser) -> None:
    """Add ``--channel``."""
    parser.add_argument(
        "--channel", default="stable", metavar="NAME", help="channel (default: stable)"
    )
