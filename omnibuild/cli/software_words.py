"""The words of ``omnibuild software``."""

from __future__ import annotations

import argparse

from omnibuild.cli.options import add_workspace, command


@command(
    "software list",
    "list the components that there are, with version, licence and needs",
    "  omnibuild software list\n  omnibuild software list --json",
    action="list",
)
def _list(parser: argparse.ArgumentParser) -> None:
    add_workspace(parser)


@command(
    "software show",
    "show a component: versions, licence, needs, variants, where it is defined, what chooses it",
    "  omnibuild software show openssl\n  omnibuild software show python-3.13 --json",
    action="show",
)
def _show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of a component")
    add_workspace(parser)


SOFTWARE_COMMANDS = (_list, _show)
