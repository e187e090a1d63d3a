"""What an app runs with: as its project's own tool has pinned it, else resolved."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.blueprint.wanted import Wanted
from omnibuild.errors import LockError, Where
from omnibuild.recipe.wheeltags import applies, full_version
from omnibuild.sources.python.pins.pins import Pins
from omnibuild.sources.python.project.declared import lock_to_make
from omnibuild.sources.python.project.origins import workspace_root
from omnibuild.sources.python.project.settings import refuse_unobeyed
from omnibuild.sources.python.resolving.resolve import Resolver

if TYPE_CHECKING:
    from packaging.metadata import Metadata


class Resolve(Protocol):
    """Resolves requirements: see :func:`resolved_with_sources`."""

    def __call__(
        self,
        requirements: Sequence[Requirement],
        from_source: Sequence[str],
        kept: Mapping[str, str],
        constraints: Sequence[Requirement] = (),
    ) -> list[Package]:
        """Return packages that satisfy requirements."""


def running(
    now: Wanted,
    pins: Pins | None,
    resolver: Resolver,
    resolve: Resolve,
    kept: Mapping[str, str],
    ask_project: Callable[[], Sequence[Requirement]],
    placed: Callable[[Sequence[Package]], list[Package]],
) -> list[Package]:
    """Return the packages that an app runs with.

    Args:
        now: what is wanted.
        pins: what the project has pinned, if it has.
        resolver: knows which files can be used.
        resolve: finds what is not pinned.
        kept: versions that stay of what is pinned nowhere.
        ask_project: returns what the project requires when only its build says it.
        placed: returns packages as a lock has them, source trees for those that no index has.

    Raises:
        DefinitionError: the project has settings that are not obeyed.
        LockError: it cannot be had, or contradicts what is pinned.
    """
    if pins is None:
        declared = now.declared
        if declared is None:
            declared = tuple(ask_project()) if now.built else ()
        _refuse_unlocked(now)
        _refuse(now)
        found = resolve([*now.own, *declared], now.from_source, kept)
    else:
        found = placed(_pinned(now, pins, resolver, resolve, kept))
    unneeded = sorted(set(now.from_source) - {package.name for package in found})
    if unneeded:
        raise LockError(
            f"`from-source` names what the app does not need: {', '.join(unneeded)}",
            hint="take it out of [python], or require it",
        )
    return found


def told(metadata: Metadata, extras: Sequence[str], python: str) -> list[Requirement]:
    """Return what a project requires by its metadata, with what chosen extras add.

    Raises :class:`LockError` when it has no such extra, or is not for such a Python.
    """
    allowed = metadata.requires_python
    if allowed is not None and not allowed.contains(full_version(python), prereleases=True):
        raise LockError(
            f"the project is for Python {allowed}, and the app gets {python}",
            hint="take another `version` in [python] of the recipe",
        ).but_for_another()
    known = set(map(canonicalize_name, metadata.provides_extra or ()))
    unknown = sorted(set(extras) - known)
    if unknown:
        raise LockError(
            f"the project has no extra `{unknown[0]}`",
            hint=f"it has {', '.join(sorted(known))}" if known else "it has no extras at all",
        )
    found = []
    for each in metadata.requires_dist or ():
        if applies(each.marker, python, ("", *extras)):
            each.marker = None  # what it says is known now
            found.append(each)
    return found


def _refuse_unlocked(now: Wanted) -> None:
    """Raise for a project that nothing builds, and whose requirements only its own tool reads."""
    asked = lock_to_make(now.project) if now.project and not now.built else None
    if asked and not now.declared:
        file, command = asked
        raise LockError(
            f"what {file.name} requires only another tool can tell, and there is no lock of it",
            where=Where(str(file)),
            hint=f"run, and commit what it writes: {command}",
        )


def _refuse(now: Wanted) -> None:
    """Raise for settings that are not obeyed, of a project and of the workspace that it is in."""
    root = workspace_root(now.project) if now.project else None
    for place in (now.project, root):
        if place:
            refuse_unobeyed(place)


def _pinned(
    now: Wanted, pins: Pins, resolver: Resolver, resolve: Resolve, kept: Mapping[str, str]
) -> list[Package]:
    python = resolver.python
    declared = pins.requires if now.declared is None else now.declared
    pins.check(declared, python)
    # Of the recipe's own requirements it need not know.
    dataclasses.replace(pins, complete=False).check(now.own, python)
    if not pins.packages:
        _refuse(now)
        wanted = [*now.own, *declared, *pins.chosen]
        found = resolve(wanted, now.from_source, kept, pins.all_constraints())
        return [_as_pinned(package, pins) for package in found]
    compiled = [*now.from_source, *now.rules.from_source]
    found = resolver.with_files(pins.packages, compiled)
    names = {package.name for package in found}
    alone = [name for name in now.from_source if name not in names]
    more = resolve(now.own, alone, kept, pins.all_constraints())
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
