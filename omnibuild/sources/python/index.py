"""The Python package index of this machine: its address."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from omnibuild.errors import HostError, MissingToolError, SourceError
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool
from omnibuild.transfer.http import without_password

PYTHON = Tool("python3", package="python3", candidates=(Path(sys.executable),))

_OF_PIP = "pip's configuration"
_VARIABLES = ("OMNIBUILD_INDEX_URL", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")

# Variables that add other places, or change which of the versions there is taken. uv or pip would
# obey them: to pass over one would pin something else than the caller expects.
_NOT_OBEYED = (
    "PIP_EXTRA_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_INDEX",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "UV_INDEX_STRATEGY",
    "UV_CONSTRAINT",
    "UV_BUILD_CONSTRAINT",
    "UV_OVERRIDE",
    "UV_EXCLUDE",
    "UV_EXCLUDE_NEWER",
    "UV_PRERELEASE",
    "UV_RESOLUTION",
    "UV_CONFIG_FILE",
)


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


def refuse_other_indexes(environment: Mapping[str, str]) -> None:
    """Raise :class:`HostError` when the environment asks a resolver for what is not obeyed."""
    for variable in _NOT_OBEYED:
        if environment.get(variable):
            raise HostError(
                f"{variable} is set, and `omnibuild lock` does not obey it yet",
                why="passing over it could pin a stranger's package of the same name",
                hint="unset it, and let one index have all packages: OMNIBUILD_INDEX_URL",
            )


def find_index(environment: Mapping[str, str]) -> str:
    """Return the base URL of the index, with a slash at its end.

    The environment names it, or pip's configuration, if pip is there. What the public index is
    called uv knows, and is asked rather than copied.
    """
    return find_index_and_origin(environment)[0]


def find_index_and_origin(environment: Mapping[str, str]) -> tuple[str, str]:
    """Return what :func:`find_index` does, and in words where it is said."""
    for variable in _VARIABLES:
        if configured := environment.get(variable, "").strip():
            return _valid(configured, variable), variable
    asked = ("-m", "pip", "config", "get", "global.index-url")
    # In a directory that nobody else writes to: Python takes modules from where it is started.
    answer = PYTHON.run(*asked, environment=environment, directory=Path("/"), check=False)
    if answer.returncode == 0:
        return _valid(answer.stdout.decode().strip(), _OF_PIP), _OF_PIP
    return public_index(), "uv, as no setting names another"


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
            hint="set OMNIBUILD_INDEX_URL to the base URL of an index's simple API",
        )
    return _valid(url, "uv")


def _valid(url: str, origin: str) -> str:
    """Return a URL with one slash at its end, as joining needs it."""
    try:
        parts = urlsplit(url)
        web = parts.scheme in ("https", "http") and parts.hostname and parts.port != 0
        valid = bool(web) or (parts.scheme == "file" and not parts.netloc)
    except ValueError:
        valid = False
    if not valid:
        raise HostError(
            f"the address of the Python package index is not a URL: {url!r}",
            why=f"it comes from {origin}",
            hint="set OMNIBUILD_INDEX_URL to the base URL of an index's simple API",
        )
    return url.rstrip("/") + "/"
