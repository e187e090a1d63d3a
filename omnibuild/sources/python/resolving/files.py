"""Files of packages as a lock has them: those that can be used, by their digest."""

from __future__ import annotations

from pathlib import Path

from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from omnibuild.errors import LockError
from omnibuild.transfer.http import without_password


def is_stand_in(package: Package, links: Path | None) -> bool:
    """Tell whether a package is a wheel that only stands for its source, in ``links``."""
    return links is not None and any(
        (wheel.url or "").startswith(links.as_uri())
        or (wheel.path and (links / wheel.filename).exists())
        for wheel in package.wheels or ()
    )


def usable_wheels(package: Package, usable: set[Tag]) -> list[PackageWheel]:
    """Return the wheels of a package that can be used, always in the same order."""
    found = [
        PackageWheel(name=wheel.filename, url=address(wheel.url), hashes=_digest_of(package, wheel))
        for wheel in package.wheels or ()
        if usable & parse_wheel_filename(wheel.filename)[-1]
    ]
    return sorted(found, key=lambda wheel: wheel.filename)


def pinned_sdist(package: Package, sdist: PackageSdist) -> PackageSdist:
    """Return a source distribution as a lock has it."""
    return PackageSdist(
        name=sdist.filename, url=address(sdist.url), hashes=_digest_of(package, sdist)
    )


def _digest_of(package: Package, file: PackageWheel | PackageSdist) -> dict[str, str]:
    if "sha256" not in file.hashes:
        raise LockError(f"the index has no SHA-256 digest of {file.filename}, of {package.name}")
    return {"sha256": file.hashes["sha256"]}


def address(url: str | None) -> str | None:
    """Return where a file was, without a password: a lock is for everybody."""
    return without_password(url) if url else None
