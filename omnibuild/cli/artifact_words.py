"""The words of commands that look at what was built, by omnibuild or by others."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from omnibuild.cli.options import (
    add_execution,
    add_platform_choice,
    add_unpacked,
    add_workspace,
    command,
)

_KINDS: Final = (
    ".deb, .rpm, package of pacman, apk or opkg, image, tarball or directory, whoever made it"
)


@command(
    "audit",
    "check any package or tree, also of other tools: what it needs of hosts, scripts, keys",
    "  omnibuild audit dist/hello_1.0.0-1_amd64.deb --platform debian-12\n"
    "  omnibuild audit other-1.0.rpm unpacked/ --json",
)
def _audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "packages",
        nargs="+",
        type=Path,
        metavar="FILE|DIR",
        help="a .deb, an .rpm, a package of pacman, apk or opkg, an image, a tarball, or a"
        " directory that stands for a host's /",
    )
    parser.add_argument(
        "-p",
        "--platform",
        default="",
        metavar="NAME",
        help="what it is to run on (default: a host of its architecture with the newest glibc)",
    )
    parser.add_argument(
        "--recipe", default="", metavar="RECIPE", help="a recipe that says which findings may stay"
    )
    add_unpacked(parser)
    add_workspace(parser)


@command(
    "artifact rebuild",
    "build again elsewhere, compare byte for byte, and explain any difference by file",
    "  omnibuild artifact rebuild hello\n  omnibuild artifact rebuild openssl",
    action="rebuild",
)
def _rebuild(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "subject",
        metavar="NAME",
        help="a recipe, or the path to it, for all that is made for it; or a component",
    )
    add_platform_choice(parser)
    add_execution(parser)


@command(
    "artifact diff",
    "tell what differs between two packages: components, versions, files; exit status 1 if any",
    "  omnibuild artifact diff hello_1.0.0-1_amd64.deb hello_1.1.0-1_amd64.deb\n"
    "  omnibuild artifact diff old.rpm new.rpm --json",
    action="diff",
)
def _diff(parser: argparse.ArgumentParser) -> None:
    for name, which in (("first", "a"), ("second", "the other")):
        help_text = f"{which} {_KINDS}"
        parser.add_argument(name, type=Path, metavar=name.upper(), help=help_text)
    add_unpacked(parser)


@command(
    "artifact inspect",
    "tell what is inside a package: what it says of itself, what it is made of, what takes space",
    "  omnibuild artifact inspect dist/hello_1.0.0-1_amd64.deb\n"
    "  omnibuild artifact inspect other-1.0.rpm --json",
    action="inspect",
)
def _inspect(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("package", type=Path, metavar="FILE|DIR", help=f"a {_KINDS}")
    add_unpacked(parser)


ARTIFACT_COMMANDS = (_audit, _rebuild, _diff, _inspect)
