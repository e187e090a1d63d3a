"""What tools make in a project, omnibuild among them: it lies there, and is no source."""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

from omnibuild.store.delivery import CHECKSUM_SUFFIX, SIDECARS

# Made by tools, wherever they are, or at the project's top. What git tracks is no such thing, and
# what it ignores is never taken; but not everybody who builds has told git to ignore `dist`.
GENERATED = (".git", "__pycache__", "*.pyc", "*.egg-info", "node_modules")
GENERATED_AT_TOP = (".venv", "build", "dist")


def is_generated(name: str, *, at_top: bool) -> bool:
    """Tell whether a file or directory is what tools make, by its name alone."""
    patterns = GENERATED + GENERATED_AT_TOP if at_top else GENERATED
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def is_below_generated(path: str) -> bool:
    """Tell whether a path, relative to a project, is or lies below what tools make."""
    names = path.rstrip("/").split("/")
    return any(is_generated(name, at_top=not depth) for depth, name in enumerate(names))


def delivered(names: Collection[str]) -> set[str]:
    """Return those of the names that are artifacts of earlier builds, and their sidecars.

    >>> sorted(delivered({"a.deb", "a.deb.sha256", "a.deb.manifest.json", "a.deb.audit.json", "b"}))
    ['a.deb', 'a.deb.audit.json', 'a.deb.manifest.json', 'a.deb.sha256']
    """
    there, found = {*names}, set[str]()
    for name in there:
        artifact = name.removesuffix(CHECKSUM_SUFFIX)
        group = {artifact, *(f"{artifact}{each}" for each in SIDECARS)}
        if artifact != name and group <= there:
            found |= group
    return found
