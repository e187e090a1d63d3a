"""The content of pylock.toml as it is written, and everything that can be wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
from msgspec import Meta, Struct, field
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)
from packaging.version import InvalidVersion, Version

from omnibuild.digests import is_digest
from omnibuild.recipe import validate
from omnibuild.recipe.located import Fault
from omnibuild.recipe.positions import Path
from omnibuild.recipe.validate import quoted
from omnibuild.recipe.wheeltags import marker_environment

# What PEP 751 also allows as the origin of a package, and what no digest of a file can pin.
_UNSUPPORTED_ORIGINS = ("vcs", "directory", "archive")


class FileEntry(Struct, frozen=True, rename="kebab"):
    """A wheel or source distribution; keys that a build does not need are passed over."""

    hashes: dict[str, str] = field(default_factory=dict)
    name: str = ""
    url: str = ""
    path: str = ""

    @property
    def file_name(self) -> str:
        """The file's name, which may be left to the end of its URL or path."""
        location = re.split("[?#]", self.url)[0] or self.path
        return self.name or unquote(location.rpartition("/")[2])


class PackageEntry(Struct, frozen=True, rename="kebab"):
    """One ``[[packages]]`` table."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")]
    version: str
    marker: str = ""
    wheels: tuple[FileEntry, ...] = ()
    sdist: FileEntry | None = None


class LockContent(Struct, frozen=True, rename="kebab"):
    """A whole pylock.toml."""

    lock_version: Annotated[str, Meta(pattern=r"^1(\.[0-9]+)*\Z", examples=["1.0"])]
    packages: tuple[PackageEntry, ...]
    requires_python: str = ""


def faults(data: Mapping[str, Any]) -> list[Fault]:
    """Return all that is wrong with the data of a lock file."""
    # A package from elsewhere lacks the keys of one from an index: say the cause, not the effect.
    found = list(_origin_faults(data))
    if found:
        return found
    try:
        content = msgspec.convert(data, LockContent)
    except msgspec.ValidationError:
        return list(validate.faults(data, LockContent))
    return list(_content_faults(content))


def _origin_faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    packages = data.get("packages")
    for index, package in enumerate(packages if isinstance(packages, list) else ()):
        for origin in _UNSUPPORTED_ORIGINS:
            if isinstance(package, dict) and origin in package:
                what = f"a package from {origin!r} is not pinned by the digest of a file"
                hint = "lock wheels or a source distribution of it"
                yield Fault(("packages", index, origin), what, hint, in_key=True)


def _content_faults(content: LockContent) -> Iterator[Fault]:
    if not _is_specifier(content.requires_python):
        what = f"`requires-python` cannot be {quoted(content.requires_python)}"
        yield Fault(("requires-python",), what, "write it like `>=3.11`")
    yield from _duplicate_faults(content)
    for index, package in enumerate(content.packages):
        yield from _package_faults(package, ("packages", index))


def _duplicate_faults(content: LockContent) -> Iterator[Fault]:
    """Yield packages that are there twice: several versions must differ in their markers."""
    seen: dict[str, set[str]] = {}
    for index, package in enumerate(content.packages):
        name = canonicalize_name(package.name)
        markers = seen.setdefault(name, set())
        if markers and ("" in {package.marker, *markers} or package.marker in markers):
            what = f"{quoted(name)} is locked twice"
            hint = "keep one of them, or give each a marker of its own"
            yield Fault(("packages", index, "name"), what, hint)
        markers.add(package.marker)


def _package_faults(package: PackageEntry, path: Path) -> Iterator[Fault]:
    if not _is_version(package.version):
        what = f"{quoted(package.version)} is not a version of a Python package"
        yield Fault((*path, "version"), what)
        return
    if package.marker and not _is_marker(package.marker):
        yield Fault((*path, "marker"), f"{quoted(package.marker)} is not an environment marker")
    if not package.wheels and not package.sdist:
        yield Fault(path, f"{quoted(package.name)} has neither wheels nor an sdist")
    for index, wheel in enumerate(package.wheels):
        yield from _file_faults(package, wheel, (*path, "wheels", index))
    if package.sdist:
        yield from _file_faults(package, package.sdist, (*path, "sdist"))


def _file_faults(package: PackageEntry, file: FileEntry, path: Path) -> Iterator[Fault]:
    name = file.file_name
    if "sha256" not in file.hashes:
        what = f"a lock without digests: {quoted(name)} has no `hashes.sha256`"
        yield Fault((*path, "hashes"), what, "run: omnibuild lock RECIPE")
    elif not is_digest(file.hashes["sha256"]):
        what = f"{quoted(file.hashes['sha256'])} is not a SHA-256 digest"
        yield Fault((*path, "hashes", "sha256"), what, "write 64 lower-case hex digits")
    try:
        found = _parse_name(name, sdist="sdist" in path)
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        noun = "an sdist" if "sdist" in path else "a wheel"
        yield Fault((*path, "name"), f"{quoted(name)} is not the file name of {noun}")
        return
    if found != (canonicalize_name(package.name), Version(package.version)):
        what = f"{quoted(name)} is not a file of {package.name} {package.version}"
        yield Fault((*path, "name"), what)


def _parse_name(name: str, *, sdist: bool) -> tuple[str, Version]:
    if sdist:
        return parse_sdist_filename(name)
    project, version, _, _ = parse_wheel_filename(name)
    return project, version


def _is_version(text: str) -> bool:
    try:
        Version(text)
    except InvalidVersion:
        return False
    return True


def _is_specifier(text: str) -> bool:
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return False
    return True


def _is_marker(text: str) -> bool:
    # Imported here because it takes long to load, and most locks have no marker.
    from packaging.markers import (
        InvalidMarker,
        Marker,
        UndefinedComparison,
        UndefinedEnvironmentName,
    )

    try:
        Marker(text).evaluate(marker_environment("3.13"), context="lock_file")
    except (InvalidMarker, UndefinedComparison, UndefinedEnvironmentName):
        return False
    return True
