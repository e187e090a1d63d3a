"""What a source tree says it is built with (PEP 517, PEP 518): read, never run."""

from __future__ import annotations

import difflib
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tomlkit
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild import files
from omnibuild.errors import DefinitionError, Where
from omnibuild.recipe import located
from omnibuild.recipe.located import Fault
from omnibuild.sources.python.requirements import NotARequirementError, checked

# What PEP 517 prescribes for a source that says nothing, as every frontend does.
_LEGACY_REQUIRES = ("setuptools>=40.8.0",)
_LEGACY_BACKEND = "setuptools.build_meta:__legacy__"
# What Poetry builds a project with that says nothing.
_POETRY_REQUIRES = ("poetry-core>=1",)
_POETRY_BACKEND = "poetry.core.masonry.api"
_TABLE = "build-system"

# Where a project that nothing builds lies below the prefix.
AS_IT_IS = "app"
# Backends whose `get_requires_for_build_wheel` always returns nothing, whatever the project.
_NEED_NOTHING = {"flit_core.buildapi", "poetry.core.masonry.api", "uv_build"}


@dataclass(frozen=True)
class BuildSystem:
    """What builds a source tree.

    Args:
        requires: what must be there.
        backend: the object that does it, as ``flit_core.buildapi``.
        inside: it is in the source itself (``backend-path``).
        file: where it says so.
    """

    requires: tuple[Requirement, ...]
    backend: str
    inside: bool
    file: Path

    @property
    def says_all(self) -> bool:
        """Its backend is known to need nothing besides, so it need not be asked."""
        return self.backend in _NEED_NOTHING and not self.inside

    @property
    def module(self) -> str:
        """The module that the backend is in."""
        return self.backend.partition(":")[0].strip()


def build_system(directory: Path) -> BuildSystem:
    """Return what builds the source in a directory.

    Raises :class:`DefinitionError` that says what is wrong with ``[build-system]``.
    """
    path = directory / "pyproject.toml"
    document = located.read(path) if path.is_file() else None
    table = document.data.get(_TABLE) if document else None
    if document is None or table is None:
        texts, backend = _LEGACY_REQUIRES, _LEGACY_BACKEND
        if document and _is_of_poetry(directory, document.data):
            texts, backend = _POETRY_REQUIRES, _POETRY_BACKEND
        return BuildSystem(tuple(map(Requirement, texts)), backend, inside=False, file=path)
    requires, faults = _requirements(table)
    if faults:
        raise document.error(faults)
    return BuildSystem(
        requires,
        backend=table.get("build-backend", _LEGACY_BACKEND),
        inside=bool(table.get("backend-path")),
        file=path,
    )


def declare_build_system(directory: Path) -> None:
    """Let a source tree tell every frontend what builds it, where only its own tool knows.

    Args:
        directory: a copy of the source, of which nothing else is changed.
    """
    path = directory / "pyproject.toml"
    if path.is_symlink() or (directory / "setup.py").exists():
        return
    data = located.read(path).data if path.is_file() else {}
    # A frontend takes a directory for a project when one of the two is there, and not setup.cfg.
    unsaid = (directory / "setup.cfg").is_file() or _is_of_poetry(directory, data)
    if _TABLE in data or not unsaid:
        return
    system = build_system(directory)
    table = {"requires": list(map(str, system.requires)), "build-backend": system.backend}
    text = path.read_text() if data else ""
    files.write_atomic(path, f"{text}\n{tomlkit.dumps({_TABLE: table})}")


def is_built(directory: Path) -> bool:
    """Tell whether a project is built into a wheel; any other one is used as it lies there.

    Tools differ for a ``[project]`` that names no build system: pip builds it by setuptools, uv
    does not build it. So does omnibuild where uv is at home, unless it declares scripts. Poetry
    builds what has the module that a project is called like.
    """
    path = directory / "pyproject.toml"
    data = located.read(path).data if path.is_file() else {}
    for tool, key in (("uv", "package"), ("poetry", "package-mode")):
        said = located.table_at(data, "tool", tool).get(key)
        if isinstance(said, bool):
            return said
    if _TABLE in data or any((directory / name).is_file() for name in ("setup.py", "setup.cfg")):
        return True
    if _is_of_poetry(directory, data):
        return True
    project = located.table_at(data, "project")
    if "scripts" in project or "entry-points" in project:
        return True
    of_uv = "uv" in located.table_at(data, "tool") or (directory / "uv.lock").is_file()
    return bool(project) and not of_uv


def _is_of_poetry(directory: Path, data: Mapping[str, Any]) -> bool:
    """Tell whether Poetry would build a project that names no build system."""
    poetry = located.table_at(data, "tool", "poetry")
    name = poetry.get("name") or located.value_at(data, "project", "name")
    if not poetry or not isinstance(name, str):
        return False
    module = canonicalize_name(name).replace("-", "_")
    places = (directory / top / module for top in ("", "src"))
    found = any(place.is_dir() or place.with_suffix(".py").is_file() for place in places)
    return found or bool(poetry.get("packages"))


def _requirements(table: Any) -> tuple[tuple[Requirement, ...], list[Fault]]:
    if not isinstance(table, dict):
        return (), [Fault((_TABLE,), f"`{_TABLE}` must be a table")]
    found: list[Requirement] = []
    faults: list[Fault] = []
    listed = table.get("requires")
    if not isinstance(listed, list):
        faults.append(Fault((_TABLE, "requires"), "`requires` must be an array of strings"))
        listed = []
    for index, text in enumerate(listed):
        try:
            found.append(checked(text if isinstance(text, str) else ""))
        except NotARequirementError as error:
            faults.append(Fault((_TABLE, "requires", index), str(error), error.hint))
    if not isinstance(table.get("build-backend", ""), str):
        faults.append(Fault((_TABLE, "build-backend"), "`build-backend` must be a string"))
    return tuple(found), faults


def likeliest_first(system: BuildSystem, packages: Iterable[str]) -> list[str]:
    """Order names of packages by how much they look like the backend's module."""

    def likeness(name: str) -> float:
        plain = system.module.partition(".")[0].replace("_", "-")
        return difflib.SequenceMatcher(None, plain, name).ratio()

    return sorted(packages, key=likeness, reverse=True)


def holds(wheel: Path, module: str) -> bool:
    """Tell whether a wheel has a module."""
    place = module.replace(".", "/")
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile):
        return False
    starts = (f"{place}.", f"{place}/")
    return any(name.startswith(starts) for name in names)


def missing_backend(system: BuildSystem, package: str) -> DefinitionError:
    """Return the error for a backend that nothing brings."""
    listed = ", ".join(map(str, system.requires)) or "nothing"
    return DefinitionError(
        f"nothing that {package} is built with has its build backend, `{system.backend}`",
        where=Where(str(system.file)),
        why=f"[build-system] requires {listed}",
        hint="add the backend's package to `requires` in [build-system]",
    )
