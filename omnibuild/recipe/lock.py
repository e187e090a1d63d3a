"""Lock files of Python packages (PEP 751): which file of each package an interpreter gets.

A file is identified by its name and digest, so it can come from any index: its ``url`` is only
one more place to look.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from packaging.markers import UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import (
    Package,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockSelectError,
)
from packaging.utils import parse_wheel_filename

from omnibuild.errors import LockError, Where
from omnibuild.recipe import located, lockfile
from omnibuild.recipe.wheeltags import full_version, marker_environment, supported_tags

_MAKE_LOCK = "run: omnibuild lock RECIPE"


@dataclass(frozen=True)
class LockedFile:
    """The file of a package that an interpreter gets.

    Args:
        package: normalised, as ``typing-extensions``.
        version: the package's version.
        name: the file's name.
        sha256: its digest.
        url: where it was; empty when the lock names no place.
    """

    package: str
    version: str
    name: str
    sha256: str
    url: str = ""


@dataclass(frozen=True)
class Lock:
    """A valid lock file.

    Args:
        file: path of the lock, for messages.
        content: what is in it.
    """

    file: str
    content: Pylock

    def select(self, python: str, glibc: str) -> tuple[LockedFile, ...]:
        """Return the files to install, in the order of the lock: the best wheel, else the sdist.

        Args:
            python: version or series of CPython, as ``3.13``.
            glibc: highest glibc that a wheel may need, as ``2.31``.

        Raises:
            LockError: the lock is not for that version, or a package has no usable file.
        """
        allowed = self.content.requires_python
        if allowed is not None and not allowed.contains(full_version(python), prereleases=True):
            what = f"this lock is for Python {allowed}, not for {python}"
            raise LockError(what, where=Where(self.file), hint=_MAKE_LOCK)
        environment, tags = marker_environment(python), supported_tags(python, glibc)
        try:
            found = list(self.content.select(environment=environment, tags=tags))
        except (PylockSelectError, UndefinedComparison, UndefinedEnvironmentName) as error:
            raise LockError(
                f"this lock does not fit CPython {python} and glibc {glibc}",
                where=Where(self.file),
                why=str(error),
                hint=_MAKE_LOCK,
            ) from error
        return tuple(_locked(package, cast("PackageWheel", file)) for package, file in found)

    def versions(self, package: str) -> set[str]:
        """Return the versions of a package that are locked for whatever environment."""
        return {str(each.version) for each in self.content.packages if each.name == package}


def _locked(package: Package, file: PackageWheel | PackageSdist) -> LockedFile:
    digest, url = file.hashes["sha256"], file.url or ""
    return LockedFile(package.name, str(package.version), file.filename, digest, url)


def load_lock(path: Path) -> Lock:
    """Read a lock file; raises :class:`LockError` that says what is wrong with it."""
    if not path.exists():
        what = "there is no such lock file"
        raise LockError(what, where=Where(str(path)), hint=_MAKE_LOCK)
    document = located.read(path, LockError, largest=lockfile.LARGEST)
    if faults := lockfile.faults(document.data):
        raise document.error(faults, LockError)
    content = lockfile.model(document.data)
    packages = [dataclasses.replace(each, wheels=_ordered(each)) for each in content.packages]
    return Lock(str(path), dataclasses.replace(content, packages=packages))


def _ordered(package: Package) -> list[PackageWheel] | None:
    """Return the wheels so that of equally good ones the same is first: never the lock's order."""
    if package.wheels is None:
        return None

    def order(wheel: PackageWheel) -> tuple[int, str, str]:
        # The highest build number, then the name.
        number, letters = parse_wheel_filename(wheel.filename)[2] or (0, "")
        return -number, letters, wheel.filename

    return sorted(package.wheels, key=order)


def written(lock: Pylock) -> str:
    """Return the text of a lock."""
    import tomli_w  # only who locks writes

    return tomli_w.dumps(lock.to_dict())
