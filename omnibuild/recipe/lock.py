"""Lock files of Python packages: the part of pylock.toml (PEP 751) that a build needs.

A file is identified by its name and digest, so it can come from any index: its ``url`` is only
one more place to look.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
from packaging.pylock import Pylock
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_wheel_filename

from omnibuild.errors import LockError, Where
from omnibuild.recipe import located, lockfile
from omnibuild.recipe.wheeltags import full_version, marker_environment, supported_tags

_MAKE_LOCK = "run: omnibuild lock RECIPE"


@dataclass(frozen=True)
class LockedFile:
    """One distribution file; ``url`` is empty when the lock names none."""

    name: str
    sha256: str
    url: str = ""


@dataclass(frozen=True)
class LockedPackage:
    """One version of a package.

    Args:
        name: normalised, as ``typing-extensions``.
        version: as the lock writes it.
        wheels: its wheels for all platforms.
        sdist: its source distribution, if the lock has one.
        marker: environment marker that says where it is wanted; empty for everywhere.
    """

    name: str
    version: str
    wheels: tuple[LockedFile, ...] = ()
    sdist: LockedFile | None = None
    marker: str = ""

    def applies(self, python: str) -> bool:
        """Tell whether CPython ``python`` (a version or series) on x86_64 Linux wants it."""
        if not self.marker:
            return True
        # The slowest import of a plan, and most locks have no marker.
        from packaging.markers import Marker

        return Marker(self.marker).evaluate(marker_environment(python), context="lock_file")


@dataclass(frozen=True)
class Lock:
    """A lock file: every package with all its files.

    Args:
        file: path of the lock, for messages.
        packages: in the order of the file.
        requires_python: versions of Python it is for; empty for all.
    """

    file: str
    packages: tuple[LockedPackage, ...]
    requires_python: str = ""

    def packages_for(self, python: str) -> tuple[LockedPackage, ...]:
        """Return the packages that CPython ``python`` (a version or series) wants, one of a name.

        Raises :class:`LockError` when the lock is not for that version, or offers two versions.
        """
        allowed = SpecifierSet(self.requires_python)
        if not allowed.contains(full_version(python), prereleases=True):
            raise LockError(
                f"this lock is for Python {self.requires_python}, not for {python}",
                where=Where(self.file),
                hint=_MAKE_LOCK,
            )
        found: dict[str, LockedPackage] = {}
        for package in self.packages:
            if not package.applies(python):
                continue
            other = found.setdefault(package.name, package)
            if other is not package:
                what = f"{package.name} is locked twice for Python {python}"
                why = f"as {other.version} and as {package.version}"
                raise LockError(what, where=Where(self.file), why=why, hint=_MAKE_LOCK)
        return tuple(found.values())


def load_lock(path: Path) -> Lock:
    """Read a lock file; raises one :class:`LockError` with all its problems."""
    if not path.exists():
        what = "there is no such lock file"
        raise LockError(what, where=Where(str(path)), hint=_MAKE_LOCK)
    document = located.read(path, LockError)
    faults = lockfile.faults(document.data)
    if faults:
        raise document.error(faults, LockError)
    content = msgspec.convert(document.data, lockfile.LockContent)
    packages = tuple(_locked_package(each) for each in content.packages)
    return Lock(str(path), packages, content.requires_python)


def _locked_package(entry: lockfile.PackageEntry) -> LockedPackage:
    return LockedPackage(
        name=canonicalize_name(entry.name),
        version=entry.version,
        wheels=tuple(map(_locked_file, entry.wheels)),
        sdist=_locked_file(entry.sdist) if entry.sdist else None,
        marker=entry.marker,
    )


def _locked_file(entry: lockfile.FileEntry) -> LockedFile:
    return LockedFile(entry.file_name, entry.hashes["sha256"], entry.url)


def choose_file(package: LockedPackage, python: str, glibc: str) -> LockedFile:
    """Return the file to install: the best wheel, else the source distribution.

    Args:
        package: the package.
        python: version or series of CPython, as ``3.13``.
        glibc: highest glibc that a wheel may need, as ``2.31``.
    """
    ranks = _ranks(python, glibc)
    candidates = []
    for file in package.wheels:
        _, _, build, tags = parse_wheel_filename(file.name)
        fitting = [ranks[tag] for tag in tags if tag in ranks]
        if fitting:
            # The best tag, then the highest build number, then the name: never the lock's order.
            number, letters = build or (0, "")
            candidates.append(((min(fitting), -number, letters, file.name), file))
    if candidates:
        return min(candidates, key=lambda candidate: candidate[0])[1]
    if package.sdist:
        return package.sdist
    raise LockError(
        f"{package.name} {package.version} has no file for CPython {python} and glibc {glibc}",
        why="\n".join(f"locked: {file.name}" for file in package.wheels),
        hint="lock its source distribution too, or another version",
    )


@cache
def _ranks(python: str, glibc: str) -> Mapping[Tag, int]:
    """Return the tags of usable wheels, the best with the lowest number; asked for each package."""
    return {tag: rank for rank, tag in enumerate(supported_tags(python, glibc))}


def written(lock: Pylock) -> str:
    """Return the text of a lock."""
    import tomli_w

    return tomli_w.dumps(lock.to_dict())
