"""What the parsers of commands share: their shape, and options that several take."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

Subparsers = argparse._SubParsersAction  # the type has no public name


def command(
    commands: Subparsers[argparse.ArgumentParser],
    name: str,
    module: str,
    summary: str,
    example: str,
) -> argparse.ArgumentParser:
    """Add a command whose ``run`` is in the module of that name below ``cli/commands``.

    Args:
        commands: the parser's commands, or those of a group.
        name: the command's word.
        module: where its function ``run`` is; imported when it is used.
        summary: what it does, without a capital and a full stop.
        example: command lines, indented by two blanks.
    """
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"examples:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=_later(module))
    parser.add_argument(
        "--json", action="store_true", help="print events and results as JSON lines"
    )
    return parser


def _later(module: str) -> Callable[[argparse.Namespace], int]:
    def run(arguments: argparse.Namespace) -> int:
        status: int = import_module(f"omnibuild.cli.commands.{module}").run(arguments)
        return status

    return run


def add_workspace(parser: argparse.ArgumentParser) -> None:
    """Add what every command that reads definitions or the store takes."""
    parser.add_argument(
        "-C",
        "--workspace",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="directory with recipes/ (default: here)",
    )
    parser.add_argument(
        "--cache-dir",
        type=Path,
        metavar="DIR",
        help="the store (default: $OMNIBUILD_CACHE, or ~/.cache/omnibuild)",
    )
    parser.add_argument(
        "-j", "--jobs", type=int, metavar="N", help="processes to keep busy (default: all cores)"
    )


def add_execution(parser: argparse.ArgumentParser) -> None:
    """Add what every command that runs actions takes."""
    parser.add_argument(
        "-k",
        "--keep-going",
        action="store_true",
        help="after a failure go on with all that does not depend on it",
    )


def add_platforms(parser: argparse.ArgumentParser) -> None:
    """Add a recipe and the platforms to plan it for."""
    parser.add_argument("recipe", metavar="RECIPE", help="name of a recipe, as hello")
    parser.add_argument(
        "-p",
        "--platform",
        action="append",
        default=[],
        metavar="NAME",
        help="platform to build for, again for more (default: all that the recipe supports)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="end a step that takes longer (default: its own limit, else four hours)",
    )
    parser.add_argument(
        "--memory",
        type=int,
        metavar="MB",
        help="end a step whose processes hold more (default: its own limit, else none)",
    )
