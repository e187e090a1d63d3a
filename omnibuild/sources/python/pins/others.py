"""``poetry.lock`` and ``Pipfile.lock``: versions and digests, of which the index has the files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from omnibuild.errors import LockError, Where
from omnibuild.recipe import located, lockfile
from omnibuild.recipe.wheeltags import applies
from omnibuild.sources.python.pins.pins import Pin, Pins

_MAIN = "main"
_SHA256 = "sha256:"


def read_poetry_lock(path: Path, python: str) -> Pins:
    """Return what Poetry pins, of all its groups; raises :class:`LockError`."""
    document = located.read(path, LockError, largest=lockfile.LARGEST)
    listed = _list(document.data.get("package"))
    found: dict[str, Pin] = {}
    needed = []
    for package in filter(lambda each: _applies(_markers(each), python), listed):
        source = located.table_at(package.get("source"))
        if source and source.get("type") != "legacy":
            raise _elsewhere(path, package.get("name"), source.get("type"))
        digests = (located.table_at(file).get("hash") for file in _list(package.get("files")))
        _add(found, path, package.get("name"), package.get("version"), digests)
        # Older locks have no groups, and what is only for developers is in them, too.
        if _MAIN in package.get("groups", (_MAIN,)) and not package.get("optional"):
            needed.append(canonicalize_name(package["name"]))
    return Pins(path, "poetry lock", found, requires=_requires(found, needed))


def _requires(found: Mapping[str, Pin], names: Iterable[str]) -> tuple[Requirement, ...]:
    return tuple(Requirement(f"{name}=={found[name].version}") for name in names)


def _markers(package: Mapping[str, Any]) -> str:
    """Return the condition under which Poetry installs a package for running."""
    markers = package.get("markers", "")
    if isinstance(markers, dict):
        markers = markers.get(_MAIN, "")
    return markers if isinstance(markers, str) else ""


def read_pipfile_lock(path: Path, python: str) -> Pins:
    """Return what Pipenv pins for running; raises :class:`LockError`."""
    try:
        with path.open("rb") as stream:
            data = json.loads(stream.read(lockfile.LARGEST))
    except (OSError, ValueError, RecursionError) as error:
        raise LockError("this is no JSON", where=Where(str(path)), why=str(error)) from error
    found: dict[str, Pin] = {}
    for name, package in located.table_at(data, "default").items():
        package = located.table_at(package)
        if not _applies(str(package.get("markers", "")), python):
            continue
        for origin in ("git", "path", "file"):
            if origin in package:
                raise _elsewhere(path, name, origin)
        version = str(package.get("version", "")).removeprefix("==")
        _add(found, path, name, version, _list(package.get("hashes")))
    return Pins(path, "pipenv lock", found, requires=_requires(found, found))


def _add(
    found: dict[str, Pin], path: Path, name: Any, version: Any, digests: Iterable[Any]
) -> None:
    if not (isinstance(name, str) and isinstance(version, str) and name and version):
        raise LockError("a package has no name or no version", where=Where(str(path)))
    try:
        Requirement(f"{name}=={version}")
    except InvalidRequirement as error:
        what = f"{name!r} {version!r} is no package and its version"
        raise LockError(what, where=Where(str(path))) from error
    pin = Pin(version, frozenset(sha256_of(digests)))
    known = found.setdefault(canonicalize_name(name), pin)
    if known.version != version:
        raise LockError(
            f"{name} is there in two versions for one environment: {known.version}, {version}",
            where=Where(str(path)),
            hint="make it anew by a newer version of its tool, which says when each applies",
        )


def sha256_of(digests: Iterable[Any]) -> Iterator[str]:
    """Yield the hex digits of digests like ``sha256:…``; others tell nothing here."""
    for each in digests:
        if isinstance(each, str) and each.startswith(_SHA256):
            yield each.removeprefix(_SHA256).lower()


def _applies(marker: str, python: str) -> bool:
    if not marker:
        return True
    try:
        return applies(Marker(marker), python)
    except InvalidMarker:
        return True  # it pins more than is needed, which changes nothing


def _elsewhere(path: Path, name: object, origin: object) -> LockError:
    return LockError(
        f"{name} comes from {origin!r} in {path.name}, which is not obeyed yet",
        where=Where(str(path)),
        hint="let your index serve a wheel of it",
    )


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
