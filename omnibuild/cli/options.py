"""What the parsers of commands share: their shape, and options that several take."""

from __future__ import annotations

import argparse
import gc
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from omnibuild.settings import DEFAULT_DOWNLOAD, DEFAULT_LOG, DEFAULT_UNPACKED

Subparsers = argparse._SubParsersAction  # the type has no public name

Fill = Callable[[argparse.ArgumentParser], None]


class CommandParser(argparse.ArgumentParser):
    """The parser of one command, which gets its options when it is used: others need none."""

    fill: Fill | None = None

    def parse_known_args(self, *words: Any, **more: Any) -> Any:
        """Add the options, then do as every parser does."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill(self)
        return super().parse_known_args(*words, **more)

    def error(self, message: str) -> NoReturn:
        """Refuse the words, with what was meant where a known word is close."""
        wrong = re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message)
        if wrong:
            from difflib import get_close_matches  # only who mistypes needs it

            near = get_close_matches(wrong[1], re.findall(r"[\w-]+", wrong[2]), 1)
            message += f"\n  hint: did you mean {near[0]!r}?" if near else ""
        elif message.startswith("unrecognized arguments: ") and " -" not in message:
            message += "\n  hint: that is more than the command takes: run it once for each"
        super().error(message)

    def print_help(self, file: Any = None) -> None:
        """Write the help; an error is raised, which other parsers keep to themselves."""
        (file or sys.stdout).write(self.format_help())


@dataclass(frozen=True)
class Command:
    """A command; the module named by its first word below ``cli/commands`` has its ``run``.

    Args:
        name: its words, as ``build`` or ``cache gc``.
        summary: what it does, without a capital and a full stop.
        example: command lines, indented by two blanks.
        fill: adds its options.
        defaults: what ``run`` finds besides them.
    """

    name: str
    summary: str
    example: str
    fill: Fill
    defaults: Mapping[str, Any]

    def add_to(self, commands: Subparsers[CommandParser]) -> None:
        """Add it to the commands of a parser or of a group."""
        parser = commands.add_parser(
            self.name.rpartition(" ")[2],
            help=self.summary,
            description=self.summary[0].upper() + self.summary[1:] + ".",
            epilog=f"examples:\n{self.example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.set_defaults(run=self.run, **self.defaults)
        parser.fill = self._fill

    def _fill(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--json", action="store_true", help="print events and results as JSON lines"
        )
        self.fill(parser)

    def run(self, arguments: argparse.Namespace) -> int:
        """Import what it needs and do it; return the exit status."""
        module = self.name.partition(" ")[0]
        work = import_module(f"omnibuild.cli.commands.{module}")
        if not gc.isenabled():
            # Nobody need look through modules again, neither now nor at the end.
            gc.freeze()
            gc.enable()
        status: int = work.run(arguments)
        return status


def command(name: str, summary: str, example: str, **defaults: Any) -> Callable[[Fill], Command]:
    """Make the decorated function, which adds options, a :class:`Command`."""
    return lambda fill: Command(name, summary, example, fill, defaults)


def add_workspace(parser: argparse.ArgumentParser) -> None:
    """Add what every command that reads definitions takes."""
    parser.add_argument(
        "-C",
        "--workspace",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="directory with recipes/ (default: here)",
    )


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add what every command that reads the store takes."""
    add_workspace(parser)
    parser.add_argument(
        "--cache-dir",
        type=Path,
        metavar="DIR",
        help="the store (default: $OMNIBUILD_CACHE, or ~/.cache/omnibuild)",
    )


def add_jobs(parser: argparse.ArgumentParser) -> None:
    """Add what every command that keeps several cores busy takes."""
    parser.add_argument(
        "-j", "--jobs", type=int, metavar="N", help="processes to keep busy (default: all cores)"
    )


def add_execution(parser: argparse.ArgumentParser) -> None:
    """Add what every command that runs actions takes."""
    add_store(parser)
    add_jobs(parser)
    parser.add_argument(
        "-k",
        "--keep-going",
        action="store_true",
        help="after a failure go on with all that does not depend on it",
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
        help="end a step whose processes hold more, with its files in memory"
        " (default: its own limit, else none)",
    )
    _add_bound(parser, "log", "end a step that prints more", DEFAULT_LOG)
    _add_bound(parser, "download", "refuse files that are larger", DEFAULT_DOWNLOAD)
    add_unpacked(parser)
    parser.add_argument(
        "--sandbox",
        choices=("auto", "bubblewrap", "docker", "podman"),
        default="auto",
        help="what isolates steps (default: bubblewrap where it runs, else docker or podman)",
    )


def add_unpacked(parser: argparse.ArgumentParser) -> None:
    """Add how much every command that unpacks anything of others lets that be."""
    _add_bound(parser, "unpacked", "refuse archives and wheels that hold more", DEFAULT_UNPACKED)


def _add_bound(parser: argparse.ArgumentParser, what: str, noun: str, default: int) -> None:
    parser.add_argument(
        f"--max-{what}",
        type=int,
        metavar="MB",
        help=f"{noun} (default: {default // 1_000_000})",
    )


def add_platforms(parser: argparse.ArgumentParser) -> None:
    """Add a recipe and the platforms to plan it for."""
    add_recipe(parser)
    add_platform_choice(parser)


def add_recipe(parser: argparse.ArgumentParser) -> None:
    """Add the recipe that a command is about."""
    parser.add_argument(
        "recipe",
        nargs="?",
        default="",
        metavar="RECIPE",
        help="a recipe's name, or the path to it or to its project (default: the only one here)",
    )


def add_platform_choice(parser: argparse.ArgumentParser) -> None:
    """Add the platforms and the profile to plan a recipe for, which another argument names."""
    add_platform_names(parser)
    parser.add_argument(
        "--release",
        action="store_true",
        help="what hosts are to get: compiled and compressed as the profile `release` says, which"
        " takes longer (default: as the recipe says)",
    )


def add_platform_names(parser: argparse.ArgumentParser) -> None:
    """Add the platforms that something is done for."""
    parser.add_argument(
        "-p",
        "--platform",
        action="append",
        default=[],
        metavar="NAME",
        help="platform to build for, again for more (default: all that the recipe supports)",
    )


def add_remote(parser: argparse.ArgumentParser, *, push: bool = True) -> None:
    """Add what every command that uses the remote cache takes."""
    parser.add_argument(
        "--remote",
        metavar="URL",
        help="remote cache: a directory, https://… or s3://bucket/prefix?endpoint=…"
        " (default: $OMNIBUILD_REMOTE)",
    )
    parser.add_argument(
        "--trust",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="take only results that this public key signed, again for more"
        " (default: $OMNIBUILD_TRUST)",
    )
    if push:
        parser.add_argument(
            "--push",
            action="store_true",
            help="put what the build uses and makes into the remote cache",
        )
        add_sign_with(parser)


def add_sign_with(parser: argparse.ArgumentParser) -> None:
    """Add the key that signs what goes into the remote cache."""
    parser.add_argument(
        "--sign-with", default="", metavar="KEY", help="secret key that signs what is pushed"
    )
