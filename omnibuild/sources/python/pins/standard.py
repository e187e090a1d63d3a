"""``pylock.toml`` (PEP 751), and ``uv.lock``, which uv itself turns into one."""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.pylock import Package, Pylock, PylockSelectError, PylockValidationError

from omnibuild.errors import LockError, ToolFailedError, Where
from omnibuild.recipe import located, lockfile
from omnibuild.recipe.wheeltags import applies, full_version
from omnibuild.sources.python.index import uv
from omnibuild.sources.python.pins.pins import Pin, Pins
from omnibuild.sources.python.project.declared import NOTHING, Choice
from omnibuild.tools import CLEAN_ENVIRONMENT


def read_pylock(path: Path, python: str, choice: Choice = NOTHING) -> Pins:
    """Return what a lock of the standard pins; raises :class:`LockError`."""
    document = located.read(path, LockError, largest=lockfile.LARGEST)
    if faults := lockfile.faults(document.data):
        raise document.error(faults, LockError)
    return _pins(document.data, path, python, "", choice)


def choices_of_pylock(path: Path) -> Choice:
    """Return the extras and groups that a lock of the standard has."""
    data = located.read(path, LockError, largest=lockfile.LARGEST).data
    found = [data.get(key) for key in ("extras", "dependency-groups")]
    extras, groups = (map(str, each) if isinstance(each, list) else () for each in found)
    return Choice.of(extras, groups)


def read_uv_lock(path: Path, python: str, project: Path, choice: Choice = NOTHING) -> Pins:
    """Return what ``uv.lock`` pins for a project; raises :class:`LockError`.

    uv reads it, and nothing else: neither the index nor an interpreter of the project.
    """
    with tempfile.TemporaryDirectory(prefix="omnibuild-uv-") as scratch:
        try:
            done = uv().run(
                *("export", "--quiet", "--frozen", "--offline", "--no-config", "--no-header"),
                *("--no-emit-project", "--no-default-groups", "--format", "pylock.toml"),
                *("--cache-dir", scratch, "--python", sys.executable),
                *("--project", project.absolute()),
                *(word for extra in choice.extras for word in ("--extra", extra)),
                *(word for group in choice.groups for word in ("--group", group)),
                environment={
                    **CLEAN_ENVIRONMENT,
                    "HOME": scratch,
                    "UV_PROJECT_ENVIRONMENT": os.path.join(scratch, "none"),
                },
                directory=path.parent.absolute(),
            )
        except ToolFailedError as error:
            raise LockError(
                "uv cannot read its lock", where=Where(str(path)), why=error.why.partition("\n")[2]
            ) from error
    # What uv exports is what was chosen already.
    return _pins(tomllib.loads(done.stdout.decode()), path, python, "uv lock", Choice())


def _pins(data: Mapping[str, Any], path: Path, python: str, update: str, choice: Choice) -> Pins:
    try:
        listed = _selected(lockfile.model(data), python, choice)
        packages = [lockfile.addressed(each, path.parent) for each in listed]
    except (PylockValidationError, PylockSelectError) as error:
        raise LockError(
            f"{path.name} does not fit Python {python}", where=Where(str(path)), why=str(error)
        ).but_for_another() from error
    versions = {str(p.name): Pin(str(p.version or "")) for p in packages}
    return Pins(path, update, versions, packages=tuple(packages))


def _selected(lock: Pylock, python: str, choice: Choice) -> list[Package]:
    """Return the packages of a lock's defaults and choice; which of their files is asked later."""
    allowed = lock.requires_python
    if allowed is not None and not allowed.contains(full_version(python), prereleases=True):
        raise PylockSelectError(f"it is for Python {allowed}")
    found: dict[str, Package] = {}
    groups = {*(lock.default_groups or ()), *choice.groups}
    for package in lock.packages:
        if not applies(package.marker, python, choice.extras, groups):
            continue
        if package.name in found:
            raise PylockSelectError(f"{package.name} is there in two versions at once")
        found[package.name] = dataclasses.replace(package, marker=None)
    return list(found.values())
