"""The words of ``omnibuild repo``, which looks after what is published."""

from __future__ import annotations

import argparse
from pathlib import Path

from omnibuild.cli.cache_words import parse_age
from omnibuild.cli.options import add_workspace, command
from omnibuild.cli.place_words import add_channel, add_hook, add_key, add_place


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
    add_place(parser)
    _add_channel_choice(parser)


@command(
    "repo log",
    "tell who published what, when, and from which build",
    "  omnibuild repo log --repo /srv/repo\n"
    "  omnibuild repo log --repo /srv/repo --channel stable --json",
    action="log",
)
def _log(parser: argparse.ArgumentParser) -> None:
    add_place(parser)
    _add_channel_choice(parser)


@command(
    "repo promote",
    "have what a channel holds in another, too: the same bytes, nothing is built or signed again",
    "  omnibuild repo promote --from testing --to stable --repo /srv/repo\n"
    "  omnibuild repo promote shop=1.5.0 --from testing --to stable --repo /srv/repo",
    action="promote",
)
def _promote(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME[=VERSION]",
        help="packages, or files in downloads/ (default: all)",
    )
    parser.add_argument(
        "--from", dest="source", required=True, metavar="CHANNEL", help="the channel that has them"
    )
    parser.add_argument("--to", required=True, metavar="CHANNEL", help="the channel that gets them")
    add_place(parser)
    add_key(parser)
    add_hook(parser)


@command(
    "repo demote",
    "have a channel hold what it held before: stops a rollout; hosts that have it keep it",
    "  omnibuild repo demote --repo /srv/repo --reason 'logins fail'\n"
    "  omnibuild repo demote --repo /srv/repo --channel canary --to 50a1d7c2e9f3",
    action="demote",
)
def _demote(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        metavar="RELEASE",
        help="as `repo log` calls it (default: the one before the last that added anything)",
    )
    parser.add_argument("--reason", default="", metavar="TEXT", help="why; `repo log` shows it")
    add_channel(parser)
    add_place(parser)
    add_key(parser)
    add_hook(parser)


@command(
    "repo yank",
    "take packages out of a channel, and say why",
    "  omnibuild repo yank shop=1.5.0 --reason 'CVE-2026-1234' --repo /srv/repo",
    action="yank",
)
def _yank(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "names", nargs="+", metavar="NAME[=VERSION]", help="packages, or files in downloads/"
    )
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why; `repo log` shows it")
    add_channel(parser)
    add_place(parser)
    add_key(parser)
    add_hook(parser)


@command(
    "repo check",
    "verify a repository: its state, the files that it lists, signatures, indexes",
    "  omnibuild repo check --repo /srv/repo\n"
    "  omnibuild repo check --deep --repo /srv/repo\n\n"
    "exit status: 1 when something is wrong",
    action="check",
)
def _check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--deep", action="store_true", help="read every package, instead of asking for its size"
    )
    add_place(parser)


@command(
    "repo contents",
    "have the suites of apt tell which files are in packages, for apt-file, or no more",
    "  omnibuild repo contents on --repo /srv/repo",
    action="contents",
)
def _contents(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("wanted", choices=("on", "off"), help="off at first")
    add_place(parser)
    add_key(parser)
    add_hook(parser)


@command(
    "repo resign",
    "date and sign the suites of apt anew, and have what is signed end after some days",
    "  omnibuild repo resign --repo /srv/repo --valid-days 14\n"
    "  omnibuild repo resign --repo /srv/repo",
    action="resign",
)
def _resign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--valid-days",
        type=int,
        metavar="N",
        help="for so many days hosts take what is signed, now and later; 0: for ever"
        " (default: as before)",
    )
    add_place(parser)
    add_key(parser)
    add_hook(parser)


@command(
    "repo pointers",
    "list the addresses of all files that change under their names, for caches to forget",
    "  omnibuild repo pointers --repo /srv/repo | purge",
    action="pointers",
)
def _pointers(parser: argparse.ArgumentParser) -> None:
    add_place(parser)


@command(
    "repo import",
    "take over a repository of aptly, reprepro or createrepo, or a directory of packages",
    "  omnibuild repo import /srv/aptly --repo /srv/repo --dry-run\n"
    "  omnibuild repo import https://apt.example.com --suite bookworm=stable"
    " --signed-by old.asc --repo /srv/repo\n"
    "  omnibuild repo import /srv/yum/el9 --repo /srv/repo --channel testing",
    action="import",
)
def _import(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("place", metavar="PLACE", help="a directory, or http(s)://…")
    parser.add_argument(
        "--suite",
        action="append",
        default=[],
        metavar="SUITE[=CHANNEL]",
        help="a suite of apt, and which channel gets it; again for each further one (default: all"
        " of a directory; one goes to --channel, several to channels called like them)",
    )
    parser.add_argument(
        "--component", default="", metavar="NAME", help="of all .deb files (default: as they are)"
    )
    parser.add_argument(
        "--signed-by",
        action="append",
        default=[],
        type=Path,
        metavar="KEYFILE",
        help="public key that signs what is there",
    )
    parser.add_argument(
        "--unsigned", action="store_true", help="read an address whose indexes nobody signs"
    )
    parser.add_argument(
        "--skip-refused", action="store_true", help="take the rest when packages are refused"
    )
    parser.add_argument(
        "--downloads",
        type=Path,
        metavar="DIR",
        help="where packages of an address go, and are found by the next run (default: nowhere)",
    )
    parser.add_argument(
        "--url", default="", metavar="URL", help="where hosts will find the repository"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="tell what is there, and where it would be"
    )
    add_channel(parser)
    add_place(parser)
    add_key(parser)
    add_hook(parser)
    add_workspace(parser)


@command(
    "repo repair",
    "make a repository whole again, of its own state and of what hosts see",
    "  omnibuild repo repair --repo /srv/repo --dry-run\n"
    "  omnibuild repo repair --repo /srv/repo\n"
    "  omnibuild repo repair --repo /srv/repo --drop-lost\n\n"
    "exit status: 1 when something is lost, and still listed",
    action="repair",
)
def _repair(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--drop-lost",
        action="store_true",
        help="take packages out whose files are gone or damaged (default: they stay listed)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="tell what would be done, change nothing"
    )
    add_place(parser)
    add_key(parser)
    add_hook(parser)


@command(
    "repo gc",
    "remove what is old: versions of a channel, releases, and files that nothing names any more",
    "  omnibuild repo gc --repo /srv/repo --dry-run\n"
    "  omnibuild repo gc --repo /srv/repo --keep 3 --older-than 90d\n"
    "  omnibuild repo gc --repo /srv/repo --keep-indexes 12h",
    action="gc",
)
def _gc(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        type=int,
        metavar="N",
        help="take out of the channel what is neither among the N newest versions of a package,"
        " for each place and architecture, nor young (default: all versions stay)",
    )
    parser.add_argument(
        "--older-than",
        type=parse_age,
        default="30d",
        metavar="AGE",
        help="what is old, as 12h or 30d: versions, and releases to go back to (default: 30d)",
    )
    parser.add_argument(
        "--keep-indexes",
        type=parse_age,
        metavar="AGE",
        help="for so long mirrors and hosts that began with an older state find its indexes and"
        " packages, from now on (default: as before, at first 1h)",
    )
    parser.add_argument("--dry-run", action="store_true", help="tell what would go, change nothing")
    add_channel(parser)
    add_place(parser)
    add_key(parser)
    add_hook(parser)


REPO_COMMANDS = (
    _list,
    _log,
    _import,
    _promote,
    _demote,
    _yank,
    _check,
    _repair,
    _contents,
    _resign,
    _pointers,
    _gc,
)
