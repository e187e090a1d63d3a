"""Dependency groups of one lock: what each of them takes, in one list of packages."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec
from packaging.markers import Marker
from packaging.pylock import Package, Pylock
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from omnibuild.recipe.lock import RUN, Record

_Identity = tuple[str, str, str, tuple[str, ...]]


def merged(
    groups: Mapping[str, Sequence[Package]], python: str, record: Record | None = None
) -> Pylock:
    """Return the lock that has all groups; what several take alike is in it once.

    Args:
        groups: name to packages; ``run`` is the default of whoever reads it.
        python: series of CPython that it is for.
        record: what they were resolved from.
    """
    found: dict[_Identity, Package] = {}
    members: dict[_Identity, list[str]] = {}
    for group in sorted(groups):
        for package in groups[group]:
            identity = _identity(package)
            found[identity] = package
            members.setdefault(identity, []).append(group)
    several = len(groups) > 1
    return Pylock(
        lock_version=Version("1.0"),
        created_by="omnibuild",
        requires_python=SpecifierSet(f"=={python}.*"),
        # Defaults are no groups that a reader is offered, says the standard.
        dependency_groups=sorted(groups.keys() - {RUN}) if several else None,
        default_groups=[RUN] if several else None,
        packages=[
            _in_groups(found[identity], members[identity]) if several else found[identity]
            for identity in sorted(found)
        ],
        tool={"omnibuild": msgspec.to_builtins(record)} if record else None,
    )


def beside(package: Package, directory: Path) -> Package:
    """Return a package as a lock in a directory has it: files of this machine by relative paths."""
    archive = package.archive
    parts = urlsplit(archive.url or "") if archive else None
    if archive is None or parts is None or parts.scheme != "file":
        return package
    path = os.path.relpath(unquote(parts.path), directory.resolve())
    return dataclasses.replace(package, archive=dataclasses.replace(archive, url=None, path=path))


def _identity(package: Package) -> _Identity:
    files = [*(package.wheels or ()), *([package.sdist] if package.sdist else ())]
    names = tuple(sorted(file.filename for file in files))
    return package.name, str(package.version), str(package.marker or ""), names


def _in_groups(package: Package, groups: Sequence[str]) -> Package:
    text = " or ".join(f"{group!r} in dependency_groups" for group in groups)
    if package.marker:
        text = f"({text}) and ({package.marker})"
    return dataclasses.replace(package, marker=Marker(text))
