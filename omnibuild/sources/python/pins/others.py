"""``poetry.lock`` and ``Pipfile.lock``: versions and digests, of which the index has the files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.pylock import Package
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from omnibuild.errors import LockError, Where
from omnibuild.recipe import located, lockfile
from omnibuild.recipe.wheeltags import applies, is_shallow
from omnibuild.sources.python.pins.elsewhere import of_pipenv, of_poetry, sha256_of
from omnibuild.sources.python.pins.pins import Pin, Pins
from omnibuild.sources.python.project.declared import NOTHING, Choice

_MAIN = "main"
_DEFAULT = "default"


def read_poetry_lock(path: Path, python: str, choice: Choice = NOTHING) -> Pins:
    """Return what Poetry pins, of all its groups; raises :class:`LockError`."""
    data = located.read(path, LockError, largest=lockfile.LARGEST).data
    listed = _packages(data)
    found: dict[str, Pin] = {}
    needed, chosen = [], _of_extras(data, choice)
    elsewhere: list[Package] = []
    for package in filter(lambda each: _applies(_markers(each), python), listed):
        digests = (located.table_at(file).get("hash") for file in _list(package.get("files")))
        _add(found, path, package.get("name"), package.get("version"), digests)
        if tree := of_poetry(path, package):
            elsewhere.append(tree)
            found[tree.name] = Pin("")
        # Older locks have no groups, and what is only for developers is in them, too.
        name, groups = canonicalize_name(package["name"]), _groups(package, path)
        if _MAIN in groups and not package.get("optional"):
            needed.append(name)
        elif set(map(canonicalize_name, groups)) & set(choice.groups):
            chosen.append(name)
    return Pins(
        path,
        "poetry lock",
        found,
        requires=_requires(found, needed),
        chosen=_requires(found, chosen),
        elsewhere=tuple(elsewhere),
    )


def _of_extras(data: Mapping[str, Any], choice: Choice) -> list[str]:
    """Return the packages that chosen extras lead to; what they require is listed, too."""
    found: list[str] = []
    for extra, listed in located.table_at(data, "extras").items():
        if canonicalize_name(extra) in choice.extras:
            # As requirements of people: ``psycopg (>=3)``, or a name alone.
            texts = map(str, _list(listed))
            found += [canonicalize_name(re.split(r"[^\w.-]", text)[0]) for text in texts]
    return found


def choices_of_poetry(path: Path) -> Choice:
    """Return the extras and groups that Poetry has locked."""
    data = located.read(path, LockError, largest=lockfile.LARGEST).data
    groups = {group for each in _packages(data) for group in _groups(each, path)}
    return Choice.of(located.table_at(data, "extras"), groups)


def _packages(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [located.table_at(each) for each in _list(data.get("package"))]


def _groups(package: Mapping[str, Any], path: Path) -> tuple[str, ...]:
    """Return the groups that a package is in; older locks have none."""
    groups = package.get("groups", [_MAIN])
    if not isinstance(groups, list) or not all(isinstance(each, str) for each in groups):
        what = f"the groups of {package.get('name')} are no list of names"
        raise LockError(what, where=Where(str(path)))
    return tuple(groups)


def _requires(found: Mapping[str, Pin], names: Iterable[str]) -> tuple[Requirement, ...]:
    there = (name for name in names if name in found)
    return tuple(
        Requirement(f"{name}=={found[name].version}" if found[name].version else name)
        for name in there
    )


def _markers(package: Mapping[str, Any]) -> str:
    """Return the condition under which Poetry installs a package for running."""
    markers = package.get("markers", "")
    if isinstance(markers, dict):
        markers = markers.get(_MAIN, "")
    return markers if isinstance(markers, str) else ""


def read_pipfile_lock(path: Path, python: str, choice: Choice = NOTHING) -> Pins:
    """Return what Pipenv pins for running, and of chosen categories; raises :class:`LockError`."""
    data = _pipfile(path)
    found: dict[str, Pin] = {}
    listed = [("", name, package) for name, package in located.table_at(data, _DEFAULT).items()]
    for category in data:
        if canonicalize_name(category) in choice.groups and category != _DEFAULT:
            packages = located.table_at(data, category)
            listed += [(category, name, package) for name, package in packages.items()]
    chosen: list[str] = []
    elsewhere: list[Package] = []
    for category, name, package in listed:
        package = located.table_at(package)
        if not _applies(str(package.get("markers", "")), python):
            continue
        if tree := of_pipenv(path, name, package):
            elsewhere.append(tree)
            found[tree.name] = Pin("")
        else:
            version = str(package.get("version", "")).removeprefix("==")
            _add(found, path, name, version, _list(package.get("hashes")))
        if category:
            chosen.append(canonicalize_name(name))
    requires = _requires(found, found)
    return Pins(
        path,
        "pipenv lock",
        found,
        requires=requires,
        chosen=_requires(found, chosen),
        elsewhere=tuple(elsewhere),
    )


def choices_of_pipenv(path: Path) -> Choice:
    """Return the categories that Pipenv has locked, as groups."""
    return Choice.of((), _pipfile(path).keys() - {"_meta", _DEFAULT})


def _pipfile(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as stream:
            return located.table_at(json.loads(stream.read(lockfile.LARGEST)))
    except (OSError, ValueError, RecursionError) as error:
        raise LockError("this is no JSON", where=Where(str(path)), why=str(error)) from error


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


def _applies(marker: str, python: str) -> bool:
    if not marker or not is_shallow(marker):
        return True
    try:
        return applies(Marker(marker), python)
    except InvalidMarker:
        return True  # it pins more than is needed, which changes nothing


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
