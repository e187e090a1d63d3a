"""The command line's words: commands, options, help with examples.

Nothing here imports what commands need to work, so that ``--help`` and ``--version`` are quick.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from omnibuild import __version__
from omnibuild.cli.artifact_words import ARTIFACT_COMMANDS
from omnibuild.cli.cache_words import CACHE_COMMANDS
from omnibuild.cli.options import (
    CommandParser,
    Subparsers,
    add_execution,
    add_jobs,
    add_platform_names,
    add_platforms,
    add_recipe,
    add_remote,
    add_store,
    add_workspace,
    command,
)
from omnibuild.cli.repo_words import REPO_COMMANDS
from omnibuild.cli.repository_words import REPOSITORY_COMMANDS
from omnibuild.cli.software_words import SOFTWARE_COMMANDS

EPILOG = """\
examples:
  omnibuild init
  omnibuild build hello --platform ubuntu-22.04
  omnibuild key create
  omnibuild publish dist/* --repo /srv/repo

exit status: 0 done, 2 usage, 3 definition, 4 source, 5 build step, 6 audit, 7 package,
8 repository, 9 this machine, 10 not reproducible, 70 a bug in omnibuild, 130 interrupted
"""

# Commands of several words: what the first is about, for its own help.
GROUPS = {
    "artifact": ("prove what was built", "What was built, and whether it is so."),
    "key": ("signing keys", "Signing keys: making them, and passing from one to another."),
    "repo": ("look after a repository", "A repository: what it holds, and how it came to that."),
    "software": ("components", "The components that apps are made of."),
    "root": ("build roots", "The roots that components are compiled in."),
    "cache": ("look after the store", "The store of everything that was fetched and built."),
}


@command(
    "init",
    "write the recipe of an app, and lock it, after showing what was found and where",
    "  omnibuild init\n  omnibuild init ../shop --name shop\n  omnibuild init httpbin==0.10.2",
)
def _init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject",
        nargs="?",
        default="",
        metavar="DIR|NAME[==VERSION]",
        help="a project's directory (default: here), or a package of the Python index",
    )
    parser.add_argument(
        "--name", default="", metavar="APP", help="what the package is called (default: as it is)"
    )
    add_store(parser)
    add_jobs(parser)


@command(
    "check",
    "find in a second what a build would refuse, all at once",
    "  omnibuild check\n  omnibuild check hello ../shop\n  omnibuild check hello --platform arch",
)
def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "recipes",
        nargs="*",
        metavar="RECIPE",
        help="names or paths of recipes (default: all of this workspace)",
    )
    add_platform_names(parser)
    add_store(parser)


@command(
    "build",
    "build an app and its packages",
    "  omnibuild build\n  omnibuild build hello --platform ubuntu-22.04 --platform el9\n"
    "  omnibuild build ../shop\n  omnibuild build hello --release",
)
def _build(parser: argparse.ArgumentParser) -> None:
    add_platforms(parser)
    add_execution(parser)
    add_remote(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("dist"),
        metavar="DIR",
        help="where artifacts go (default: dist)",
    )


@command(
    "fetch",
    "fetch every source of an app, so that building it needs no network",
    "  omnibuild fetch hello",
)
def _fetch(parser: argparse.ArgumentParser) -> None:
    add_platforms(parser)
    add_execution(parser)
    add_remote(parser)


@command(
    "lock",
    "resolve an app's Python packages and pin them by digest",
    "  omnibuild lock hello\n  omnibuild lock hello --require gunicorn\n"
    "  omnibuild lock hello --upgrade\n  omnibuild lock hello --check\n\n"
    "In the lock is what the project requires, and `extras`, `groups`, `require` in [python] of\n"
    "its recipe, in the versions of the project's own lock, if it has one.",
)
def _lock(parser: argparse.ArgumentParser) -> None:
    add_recipe(parser)
    parser.add_argument(
        "--require",
        action="append",
        default=[],
        metavar="REQUIREMENT",
        help="a package to require from now on besides what the app itself requires, as"
        " 'gunicorn>=23': the recipe remembers it",
    )
    parser.add_argument(
        "--upgrade",
        action="append",
        nargs="?",
        const="",
        default=[],
        metavar="NAME",
        help="take newer versions than are locked: of one package, or of all",
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="only tell whether the lock fits the recipe and its project; needs no network",
    )
    add_execution(parser)


@command(
    "plan",
    "show what a build would do, action by action, and why",
    "  omnibuild plan hello\n  omnibuild plan hello --graph svg > plan.svg",
)
def _plan(parser: argparse.ArgumentParser) -> None:
    add_platforms(parser)
    add_store(parser)
    add_remote(parser, push=False)
    parser.add_argument("--graph", choices=("dot", "svg"), help="draw it, for Graphviz or as SVG")


@command(
    "why",
    "show which input of a component changed, its old and its new value",
    "  omnibuild why openssl\n  omnibuild why payload:hello",
)
def _why(parser: argparse.ArgumentParser) -> None:
    _add_component(parser)
    add_store(parser)
    add_remote(parser, push=False)


@command(
    "log",
    "show the log of a component's last build",
    "  omnibuild log openssl",
)
def _log(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("component", metavar="COMPONENT", help="a component or a wheel")
    add_store(parser)


@command(
    "shell",
    "enter the sandbox of a component: as a failed step left it, or before the first step",
    "  omnibuild shell openssl\n  omnibuild shell steps:shop",
)
def _shell(parser: argparse.ArgumentParser) -> None:
    _add_component(parser)
    add_execution(parser)
    add_remote(parser, push=False)


def _add_component(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "component", metavar="COMPONENT", help="a component, or any name that `plan` lists"
    )
    parser.add_argument(
        "--recipe",
        default="",
        metavar="NAME",
        help="recipe to look in (default: the first that has it)",
    )


@command(
    "root lock",
    "resolve a build root anew and pin its packages by digest",
    "  omnibuild root lock bullseye gcc g++ make\n"
    "  omnibuild root lock image:ubuntu:22.04 --name jammy\n"
    "  omnibuild root lock trixie base-files libc6 busybox-static --bare --name slim",
)
def _root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "suite", metavar="SUITE", help="a Debian suite, as bullseye, or image:NAME of a registry"
    )
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="beyond the minimal set")
    parser.add_argument(
        "--name", default="", help="what the root is called (default: the suite, or the image)"
    )
    parser.add_argument(
        "--bare",
        action="store_true",
        help="these packages alone, unpacked and not installed: what images lie on",
    )
    add_workspace(parser)


@command(
    "schema",
    "print the JSON schema by which editors complete and check definitions",
    "  omnibuild schema recipe > recipe.schema.json",
)
def _schema(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("definition", choices=("recipe", "software", "platform"))


COMMANDS = (
    _init,
    _check,
    _build,
    _fetch,
    _lock,
    _plan,
    _why,
    _log,
    _shell,
    *ARTIFACT_COMMANDS,
    *REPOSITORY_COMMANDS,
    *REPO_COMMANDS,
    _root,
    _schema,
    *SOFTWARE_COMMANDS,
    *CACHE_COMMANDS,
)


def make_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    Args:
        words: what is to be parsed. Where it begins with a command, no other is added: to add all
            of them takes longer than many a command.
    """
    given = " ".join([*words[:3], ""])
    named = [word for word in COMMANDS if given.startswith(f"{word.name} ")]
    parser = CommandParser(
        prog="omnibuild",
        description="One recipe to self-contained packages and a signed repository.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"omnibuild {__version__}")
    top = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=CommandParser)
    groups: dict[str, Subparsers[CommandParser]] = {"": top}
    for word in named or COMMANDS:
        group = word.name.rpartition(" ")[0]
        if group not in groups:
            summary, description = GROUPS[group]
            found = top.add_parser(group, help=summary, description=description)
            groups[group] = found.add_subparsers(metavar="ACTION", required=True)
        word.add_to(groups[group])
    return parser
