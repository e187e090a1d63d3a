"""What an app runs with: as its project's own tool has pinned it, else resolved."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.blueprint.wanted import Wanted
from omnibuild.errors import DefinitionError, LockError, Where
from omnibuild.sources.python.pins.pins import Pins
from omnibuild.sources.python.project import refuse_unobeyed
from omnibuild.sources.python.resolve import Resolver


def running(
    now: Wanted, pins: Pins | None, resolver: Resolver, kept: Mapping[str, str]
) -> list[Package]:
    """Return the packages that an app runs with.

    Args:
        now: what is wanted.
        pins: what the project has pinned, if it has.
        resolver: finds the others.
        kept: versions that stay of what is pinned nowhere.

    Raises:
        DefinitionError: nothing says what the project requires.
        LockError: it cannot be had, or contradicts what is pinned.
    """
    if pins is None:
        declared = _declared(now)
        if now.project:
            refuse_unobeyed(now.project, _names(declared))
        found = resolver.resolve([*now.own, *declared], now.from_source, kept)
    else:
        found = _pinned(now, pins, resolver, kept)
    unneeded = sorted(set(now.from_source) - {package.name for package in found})
    if unneeded:
        raise LockError(
            f"`from-source` names what the app does not need: {', '.join(unneeded)}",
            hint="take it out of [python], or require it",
        )
    return found


def _names(requirements: Sequence[Requirement]) -> set[str]:
    return {canonicalize_name(each.name) for each in requirements}


def _declared(now: Wanted) -> Sequence[Requirement]:
    if now.declared is None and now.built:
        raise DefinitionError(
            "the project's requirements cannot be read: its build computes them",
            where=Where(str(now.project)),
            hint="list them under `dependencies` in [project] of pyproject.toml",
        )
    return now.declared or ()


def _pinned(now: Wanted, pins: Pins, resolver: Resolver, kept: Mapping[str, str]) -> list[Package]:
    python = resolver.python
    declared = pins.requires if now.declared is None else now.declared
    pins.check(declared, python)
    # Of the recipe's own requirements it need not know.
    dataclasses.replace(pins, complete=False).check(now.own, python)
    if not pins.packages:
        if now.project:
            refuse_unobeyed(now.project, _names(declared))
        wanted = [*now.own, *declared]
        found = resolver.resolve(wanted, now.from_source, kept, pins.all_constraints())
        return [_as_pinned(package, pins) for package in found]
    found = resolver.with_files(pins.packages, now.from_source)
    names = {package.name for package in found}
    more = resolver.resolve(now.own, now.from_source, kept, pins.all_constraints())
    return sorted(
        [*found, *(package for package in more if package.name not in names)],
        key=lambda each: each.name,
    )


def _as_pinned(package: Package, pins: Pins) -> Package:
    """Return a package with those of its files that are pinned."""
    pin = pins.versions.get(package.name)
    if pin is None or not pin.digests:
        return package

    def is_pinned(file: PackageWheel | PackageSdist) -> bool:
        return file.hashes["sha256"] in pin.digests

    wheels = list(filter(is_pinned, package.wheels or ()))
    sdist = package.sdist if package.sdist and is_pinned(package.sdist) else None
    if not wheels and not sdist:
        raise LockError(
            f"{pins.file.name} pins other files of {package.name} {package.version} than can be"
            " used",
            where=Where(str(pins.file)),
            why="the index has: " + ", ".join(f.filename for f in package.wheels or ()),
            hint="pin the digests of all its files, or of its wheels for Linux",
        )
    return dataclasses.replace(package, wheels=wheels or None, sdist=sdist)
