"""The words of ``omnibuild cache``, and how sizes and ages are written."""

from __future__ import annotations

import argparse
import re

from omnibuild.cli.options import (
    add_jobs,
    add_platforms,
    add_remote,
    add_sign_with,
    add_store,
    command,
)

_SIZES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_AGES = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600, "w": 7 * 24 * 3600}


@command("cache list", "tell what is in the store", "  omnibuild cache list --json", action="list")
def _list(parser: argparse.ArgumentParser) -> None:
    add_store(parser)


@command(
    "cache gc",
    "remove what was not used for long; what a running command uses stays",
    "  omnibuild cache gc\n"
    "  omnibuild cache gc --older-than 2w\n"
    "  omnibuild cache gc --max-size 20GB --dry-run",
    action="gc",
)
def _gc(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--max-size",
        type=parse_size,
        metavar="SIZE",
        help="remove, least recently used first, only until the store takes so much (as 20GB)",
    )
    parser.add_argument(
        "--older-than",
        type=parse_age,
        metavar="AGE",
        help="remove only what was not used for so long, as 12h or 30d (default: 30d, or anything"
        " with --max-size)",
    )
    parser.add_argument("--dry-run", action="store_true", help="tell what would go, change nothing")
    add_store(parser)


@command(
    "cache verify",
    "read everything again, and remove what is damaged so that it is made again",
    "  omnibuild cache verify\n\nexit status: 1 when something was damaged",
    action="verify",
)
def _verify(parser: argparse.ArgumentParser) -> None:
    add_store(parser)
    add_jobs(parser)


@command(
    "cache push",
    "put everything of an app that is in the store into the remote cache",
    "  omnibuild cache push hello --remote 's3://cache/team?endpoint=https://s3.example.com'",
    action="push",
    push=True,
)
def _push(parser: argparse.ArgumentParser) -> None:
    _shared(parser)
    add_sign_with(parser)


@command(
    "cache pull",
    "bring everything of an app that the remote cache has into the store",
    "  omnibuild cache pull hello --remote https://cache.example.com",
    action="pull",
    push=False,
)
def _pull(parser: argparse.ArgumentParser) -> None:
    _shared(parser)


def _shared(parser: argparse.ArgumentParser) -> None:
    add_platforms(parser)
    add_store(parser)
    add_remote(parser, push=False)


CACHE_COMMANDS = (_list, _gc, _verify, _push, _pull)


def parse_size(text: str) -> int:
    """Return a size in bytes: a number, and perhaps kB, MB, GB or TB, or KiB and so on."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(I?)B?", text.strip().upper())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write it as 20GB")
    unit = _SIZES[found[2]]
    if found[3]:
        unit = 1024 ** list(_SIZES).index(found[2])
    return int(float(found[1]) * unit)


def parse_age(text: str) -> float:
    """Return an age in seconds: a number and s, m, h, d or w."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip())
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no age; write it as 12h or 30d")
    return float(found[1]) * _AGES[found[2]]
