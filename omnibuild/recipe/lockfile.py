"""What is wrong with a pylock.toml (PEP 751), and the bounds within which it is read at all."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import unquote

import msgspec
from packaging.markers import Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.pylock import (
    Package,
    PackageArchive,
    PackageSdist,
    PackageWheel,
    Pylock,
    PylockValidationError,
)

from omnibuild.digests import is_digest
from omnibuild.patterns import regex
from omnibuild.recipe.fields import is_url
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models.needs import FIXED_VARIABLES, source_needs
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted
from omnibuild.recipe.wheeltags import is_bounded, is_shallow, marker_environment, tags_in_name

LARGEST = 4 << 20
MAKE = "omnibuild lock"

# What PEP 751 also allows as the origin of a package, and what no digest of a file can pin.
_COMMIT = regex(r"[0-9a-f]{40}([0-9a-f]{24})?")
_REPOSITORY = regex(r"(https?|ssh|file)://[^\s\"'\\\x00-\x1f\x7f]+")

# Characters of what is parsed by rules of its own, and tags that the names of all wheels stand for.
_LONGEST = {
    "version": 100,
    "marker": 1000,
    "requires-python": 200,
    "url": 2000,
    "path": 2000,
    "index": 2000,
}
_MOST_TAGS = 100_000


def faults(data: Mapping[str, Any], make: str = MAKE) -> list[Fault]:
    """Return what is wrong with the data of a lock file; of its structure the first mistake.

    Args:
        data: what is in the file.
        make: the command that makes it anew, for hints.
    """
    # Bounds come first, and origins before what they make wrong: the cause, not the effect.
    for check in (_bound_faults, _origin_faults):
        if found := list(check(data)):
            return found
    try:
        lock = model(data)
    except PylockValidationError as error:
        keys = re.findall(r"[^.\[\]]+|(?<=\[)[0-9]+(?=\])", error.context or "")
        path = tuple(int(key) if key.isdecimal() else key for key in keys)
        where = f" in {quoted(error.context)}" if error.context else ""
        return [Fault(path, f"no valid lock: {error.message}{where}", f"run: {make}")]
    return list(_content_faults(lock, make))


def model(data: Mapping[str, Any]) -> Pylock:
    """Return the data as a lock; a file with a name and no address counts as beside it."""
    packages = data.get("packages")
    if isinstance(packages, list):
        data = {**data, "packages": [_with_paths(package) for package in packages]}
    return Pylock.from_dict(data)


def _with_paths(package: Any) -> Any:
    if not isinstance(package, dict):
        return package
    changed = dict(package)
    if isinstance(package.get("wheels"), list):
        changed["wheels"] = [_with_path(wheel) for wheel in package["wheels"]]
    if "sdist" in package:
        changed["sdist"] = _with_path(package["sdist"])
    return changed


def _with_path(file: Any) -> Any:
    if isinstance(file, dict) and "name" in file and not ({"url", "path"} & file.keys()):
        return {**file, "path": file["name"]}
    return file


def _raw_packages(data: Mapping[str, Any]) -> Iterator[tuple[Keys, dict[str, Any]]]:
    packages = data.get("packages")
    for index, package in enumerate(packages if isinstance(packages, list) else ()):
        if isinstance(package, dict):
            yield ("packages", index), package


def _raw_files(path: Keys, package: Mapping[str, Any]) -> Iterator[tuple[Keys, dict[str, Any]]]:
    wheels = package.get("wheels")
    for index, wheel in enumerate(wheels if isinstance(wheels, list) else ()):
        if isinstance(wheel, dict):
            yield (*path, "wheels", index), wheel
    for key in ("sdist", "archive"):
        if isinstance(package.get(key), dict):
            yield (*path, key), package[key]


def _bound_faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    """Yield what would take long to read, or is longer than anything real."""
    yield from _long((), data)
    environments = data.get("environments")
    for index, marker in enumerate(environments if isinstance(environments, list) else ()):
        if isinstance(marker, str):
            yield from _long(("environments", index), {"marker": marker})
    tags = 0
    for path, package in _raw_packages(data):
        yield from _long(path, package)
        for place, file in _raw_files(path, package):
            yield from _long(place, file)
            name = _file_name(file)
            tags += tags_in_name(name)
            if not is_bounded(name):
                yield Fault((*place, "name"), f"{quoted(name)} cannot be the name of a file")
            elif tags > _MOST_TAGS:
                yield Fault((*place, "name"), "the wheels of this lock stand for too many tags")
                return


def _long(path: Keys, table: Mapping[str, Any]) -> Iterator[Fault]:
    for key, most in _LONGEST.items():
        value = table.get(key)
        if isinstance(value, str) and len(value) > most:
            yield Fault(
                (*path, key), f"`{key}` has {len(value)} characters, at most {most} are real"
            )
    marker = table.get("marker")
    if isinstance(marker, str) and not is_shallow(marker):
        yield Fault((*path, "marker"), "this marker is nested too deeply")
    for key in ("url", "index"):
        url = table.get(key)
        if isinstance(url, str) and not is_url(url):
            yield Fault((*path, key), f"{quoted(url)} is not a URL")


def _file_name(file: Mapping[str, Any]) -> str:
    """Return a file's name, which may be left to the end of its URL or path."""
    name, path, url = (file.get(key, "") for key in ("name", "path", "url"))
    if isinstance(name, str) and name:
        return name
    if isinstance(path, str) and path:
        return path.rpartition("/")[2]
    return unquote(re.split("[?#]", url)[0].rpartition("/")[2]) if isinstance(url, str) else ""


def name_of(file: PackageWheel | PackageSdist | PackageArchive) -> str:
    """Return the name of a file."""
    if isinstance(file, PackageArchive):
        return _file_name({"url": file.url or "", "path": file.path or ""})
    return file.filename


def addressed(package: Package, directory: Path) -> Package:
    """Return a package whose archive has an address, also where it is in a lock's directory."""
    archive = package.archive
    if archive is None or archive.url or not archive.path:
        return package
    url = (directory / archive.path).resolve().as_uri()
    return dataclasses.replace(package, archive=dataclasses.replace(archive, url=url, path=None))


def _origin_faults(data: Mapping[str, Any]) -> Iterator[Fault]:
    for path, package in _raw_packages(data):
        vcs = package.get("vcs")
        if vcs is None:
            continue
        said = vcs if isinstance(vcs, dict) else {}
        words = [str(said.get(key, "")) for key in ("type", "commit-id", "url", "subdirectory")]
        kind, commit, url, inside = words
        if kind != "git" or not _COMMIT.fullmatch(commit) or not _REPOSITORY.fullmatch(url):
            what = "a package from `vcs` must be pinned to a commit of a git repository"
            hint = "write type, url (https, http, ssh, file) and the whole commit-id"
            yield Fault((*path, "vcs"), what, hint, in_key=True)
        elif inside.startswith("/") or ".." in inside.split("/"):
            yield Fault((*path, "vcs", "subdirectory"), "this leads out of the repository")


def _content_faults(lock: Pylock, make: str) -> Iterator[Fault]:
    seen: dict[str, set[str]] = {}
    for index, package in enumerate(lock.packages):
        path = ("packages", index)
        markers = seen.setdefault(package.name, set())
        marker = str(package.marker or "")
        # Several versions of a package must differ in their markers.
        if markers and (not marker or "" in markers or marker in markers):
            hint = "keep one of them, or give each a marker of its own"
            yield Fault((*path, "name"), f"{quoted(package.name)} is locked twice", hint)
        markers.add(marker)
        if package.version is None and not (package.directory or package.vcs or package.archive):
            yield Fault(path, f"{quoted(package.name)} has no version")
        if package.marker and not _can_be_evaluated(package.marker):
            yield Fault((*path, "marker"), f"{quoted(marker)} asks for what a lock does not know")
        yield from _needs_faults(package, path, make)
        yield from _digest_faults(package, path, make)


def _can_be_evaluated(marker: Marker) -> bool:
    try:
        environment = cast("dict[str, str]", marker_environment("3.13"))
        marker.evaluate(environment, context="lock_file")
    except (UndefinedComparison, UndefinedEnvironmentName, ValueError, RecursionError):
        return False
    return True


def _needs_faults(package: Package, path: Keys, make: str) -> Iterator[Fault]:
    try:
        variables = source_needs(package.tool).environment
    except msgspec.ValidationError as error:
        what = f"what {quoted(package.name)} is built with is damaged: {error}"
        yield Fault((*path, "tool"), what, f"run: {make}", in_key=True)
        return
    for name in filter(FIXED_VARIABLES.fullmatch, variables):
        what = f"{quoted(name)} cannot be set: it is the same in every build"
        place = (*path, "tool", "omnibuild", "environment", name)
        yield Fault(place, what, "take it out; programs come with `build-needs`", in_key=True)


def _digest_faults(package: Package, path: Keys, make: str) -> Iterator[Fault]:
    files: list[tuple[Keys, PackageWheel | PackageSdist | PackageArchive]] = [
        ((*path, "wheels", index), wheel) for index, wheel in enumerate(package.wheels or ())
    ]
    if package.sdist:
        files.append(((*path, "sdist"), package.sdist))
    if package.archive:
        files.append(((*path, "archive"), package.archive))
        if package.archive.subdirectory:
            yield Fault((*path, "archive"), "an archive is used as a whole")
    for place, file in files:
        digest = file.hashes.get("sha256")
        if digest is None:
            what = f"a lock without digests: {quoted(name_of(file))} has no `hashes.sha256`"
            yield Fault((*place, "hashes"), what, f"run: {make}")
        elif not is_digest(digest):
            what = f"{quoted(digest)} is not a SHA-256 digest"
            yield Fault((*place, "hashes", "sha256"), what, "write 64 lower-case hex digits")
