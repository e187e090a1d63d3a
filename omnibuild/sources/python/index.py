"""uv, the public index as it is called there, and what is said of an index that does not answer."""

from __future__ import annotations

import sys
from pathlib import Path

from omnibuild.errors import HostError, MissingToolError, SourceError
from omnibuild.patterns import regex
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool
from omnibuild.transfer.http import without_password
from omnibuild.transfer.registry import base_url

_DEFAULT = regex(rb"default package index \(by default: <(https://[^>\s]+)>\)")
_HINT = "set OMNIBUILD_INDEX_URL to the base URL of an index's simple API"


def uv() -> Tool:
    """Return uv as it came with omnibuild, never another one of the user's."""
    from uv import find_uv_bin

    try:
        program = Path(find_uv_bin())
    except FileNotFoundError as error:
        raise MissingToolError(
            "the program 'uv' that comes with omnibuild is gone", hint="install omnibuild again"
        ) from error
    return Tool("uv", package="uv", candidates=(program,))


def unreachable(url: str, origin: str, error: SourceError) -> SourceError:
    """Return the error for an index that does not answer: which, who says so, what to do.

    Args:
        url: its address.
        origin: where that is said, in words.
        error: what became of the attempt.
    """
    return SourceError(
        "the Python package index does not answer",
        why=f"{without_password(url)}: {error.why}; the address is from {origin}",
        hint="see whether this machine may reach it (HTTPS_PROXY names a proxy), or let"
        " OMNIBUILD_INDEX_URL name another index, as https://pypi.example.com/simple/",
    )


def public_index() -> str:
    """Return the base URL of the public index, as uv calls it."""
    # It says so in its help, at once; by its settings it takes ten times as long.
    said = uv().run("pip", "compile", "--help", environment=CLEAN_ENVIRONMENT, directory=Path("/"))
    if found := _DEFAULT.search(said.stdout):
        return index_url(found[1].decode(), "uv")
    words = (
        uv()
        .run(
            *("pip", "compile", "--quiet", "--offline", "--no-config", "--no-cache", "--no-header"),
            *("--emit-index-url", "--python", sys.executable, "-"),
            environment=CLEAN_ENVIRONMENT,
            directory=Path("/"),
        )
        .stdout.decode()
    )
    option, _, url = words.strip().partition(" ")
    if option != "--index-url":
        raise HostError(
            "no Python package index is known",
            why=f"uv says: {words}",
            hint=_HINT,
        )
    return index_url(url, "uv")


def index_url(url: str, origin: str) -> str:
    """Return the address of an index with one slash at its end, as joining needs it.

    Args:
        url: as somebody wrote it.
        origin: who did, in words.

    Raises :class:`HostError` when it is none.
    """
    return base_url(url, "the Python package index", origin, _HINT)
