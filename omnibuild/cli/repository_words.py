"""The words of the commands that serve packages: ``publish``, ``remove`` and ``key``."""

from __future__ import annotations

import argparse
from pathlib import Path

from omnibuild.cli.options import add_workspace, command
from omnibuild.cli.place_words import add_channel, add_hook, add_key, add_place


@command(
    "publish",
    "add packages to a signed apt and yum repository, push images to a registry",
    "  omnibuild publish dist/* --repo /srv/repo\n"
    "  omnibuild publish dist/* --repo /srv/repo --key release.key"
    " --url https://pkg.example.com\n"
    "  omnibuild publish dist/*.oci.tar --registry registry.example.com/team",
)
def _publish(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="artifacts to add")
    add_place(parser, required=False)
    add_key(parser)
    add_hook(parser)
    add_channel(parser)
    parser.add_argument(
        "--component",
        default="main",
        metavar="NAME",
        help="apt component of the .deb files (default: main)",
    )
    parser.add_argument(
        "--advisories",
        type=Path,
        metavar="FILE",
        help="what the .rpm files mend, for dnf updateinfo: records of OSV, as JSON",
    )
    parser.add_argument(
        "--url", default="", metavar="URL", help="where hosts will find the repository"
    )
    parser.add_argument(
        "--registry",
        default="",
        metavar="HOST[/PATH]",
        help="where images go, each under its version and the channel's name",
    )
    add_workspace(parser)


@command(
    "remove",
    "take packages out of a repository",
    "  omnibuild remove shop=1.4-1 --repo /srv/repo\n"
    "  omnibuild remove shop --repo /srv/repo --channel testing",
)
def _remove(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", nargs="+", metavar="NAME[=VERSION]", help="packages, or files in downloads/"
    )
    add_place(parser)
    add_key(parser)
    add_hook(parser)
    add_channel(parser)


@command(
    "key create",
    "make the key that signs a repository",
    "  omnibuild key create\n"
    "  omnibuild key create release.key --user 'Releases <releases@example.com>'",
    action="create",
)
def _key(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="new file for the secret key, or command:PROGRAM, to give the key of a program that"
        " signs a name (default: where `publish` looks for it)",
    )
    parser.add_argument(
        "--user",
        metavar="'NAME <ADDRESS>'",
        help="whom hosts see as the owner (default: your account on this machine)",
    )


@command(
    "key announce",
    "give the hosts of a repository another key, which will sign it later",
    "  omnibuild key announce new.key.pub.asc --repo /srv/repo",
    action="announce",
)
def _announce(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "new", metavar="NEW", help="the new key, by its public half or as for --key"
    )
    add_place(parser)
    add_key(parser)
    add_hook(parser)


@command(
    "key switch",
    "have other keys sign a repository: those of --key, the first of them packages",
    "  omnibuild key switch --repo /srv/repo --key new.key --key old.key\n"
    "  omnibuild key switch --repo /srv/repo --key new.key",
    action="switch",
)
def _switch(parser: argparse.ArgumentParser) -> None:
    add_place(parser)
    add_key(parser)
    add_hook(parser)
    _add_insist(parser)


@command(
    "key drop",
    "take from the hosts of a repository a key that signs no more",
    "  omnibuild key drop 0D1F6F0C5B1E2A3D4C5B6A79881726354453627A --repo /srv/repo --key new.key",
    action="drop",
)
def _drop(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("fingerprint", metavar="FINGERPRINT", help="which key")
    add_place(parser)
    add_key(parser)
    add_hook(parser)
    _add_insist(parser)


def _add_insist(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--cut-off-hosts",
        action="store_true",
        help="do it though hosts that lack the key will refuse everything",
    )


@command(
    "key list",
    "show the keys of a repository: who signs, since when hosts have them, and their ends",
    "  omnibuild key list --repo /srv/repo",
    action="list",
)
def _list(parser: argparse.ArgumentParser) -> None:
    add_place(parser)


REPOSITORY_COMMANDS = (_publish, _remove, _key, _announce, _switch, _drop, _list)
