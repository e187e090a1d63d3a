"""The words of ``omnibuild repo``, which looks after what is published."""

from __future__ import annotations

import argparse
from pathlib import Path

from omnibuild.cli.options import command


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--repo", type=Path, required=True, metavar="DIR", help="the repository's directory"
    )


def _add_channel_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--channel", default="", metavar="NAME", help="channel (default: all)")


@command(
    "repo list",
    "tell what a repository holds: channels, packages, versions, architectures, sizes",
    "  omnibuild repo list --repo /srv/repo\n"
    "  omnibuild repo list shop --repo /srv/repo --channel stable --json",
    action="list",
)
def _list(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", default="", metavar="NAME", help="a package (default: all)"
    )
    _add_place(parser)
    _add_channel_choice(parser)


@command(
    "repo log",
    "tell who published what, when, and from which build",
    "  omnibuild repo log --repo /srv/repo\n"
    "  omnibuild repo log --repo /srv/repo --channel stable --json",
    action="log",
)
def _log(parser: argparse.ArgumentParser) -> None:
    _add_place(parser)
    _add_channel_choice(parser)


REPO_COMMANDS = (_list, _log)
