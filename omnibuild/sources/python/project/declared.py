"""What a project's ``pyproject.toml`` declares: its name and version, and what it requires."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.dependency_groups import DependencyGroupResolver
from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from omnibuild.recipe import located
from omnibuild.recipe.located import Document, Fault
from omnibuild.recipe.positions import Path as Keys
from omnibuild.sources.python.requirements import NotARequirementError, checked

GROUPS = "dependency-groups"
# Where tools kept such groups before they were a standard: names to requirements.
_OLDER_GROUPS: Keys = ("tool", "pdm", "dev-dependencies")
# The same for the one group that uv had.
_UV_DEV: Keys = ("tool", "uv", "dev-dependencies")
_DEV = "dev"


@dataclass(frozen=True)
class Choice:
    """Which parts of a project an app takes besides its requirements; all names are normalised.

    Args:
        extras: of the project's package.
        groups: dependency groups of the project.
    """

    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, extras: Iterable[str], groups: Iterable[str]) -> Choice:
        """Return a choice, of names as people write them."""
        first, second = (tuple(sorted(map(canonicalize_name, each))) for each in (extras, groups))
        return cls(first, second)


NOTHING = Choice()


def document_of(directory: Path) -> Document | None:
    """Return a project's ``pyproject.toml``; none where it has none."""
    path = directory / "pyproject.toml"
    return located.read(path) if path.exists() else None


def declared_identity(directory: Path) -> tuple[str, str]:
    """Return the name and the version that ``pyproject.toml`` declares, each empty without one."""
    document = document_of(directory)
    data = document.data if document else {}
    # Poetry's own table says what [project] leaves to it.
    project, poetry = located.table_at(data, "project"), located.table_at(data, "tool", "poetry")
    name = project.get("name") or poetry.get("name")
    version = project.get("version") or poetry.get("version")
    if located.table_at(data, "tool", "poetry-dynamic-versioning"):
        version = ""  # what stands there is a place for the real one
    return tuple(each if isinstance(each, str) else "" for each in (name, version))  # type: ignore[return-value]


def declared_python(directory: Path) -> SpecifierSet | None:
    """Return the versions of Python that a project says it runs on, if it does."""
    document = document_of(directory)
    said = located.value_at(document.data, "project", "requires-python") if document else None
    try:
        return SpecifierSet(said) if isinstance(said, str) else None
    except InvalidSpecifier:
        return None


def known_extras(directory: Path) -> set[str] | None:
    """Return the extras that a project declares, normalised; none where only its build knows."""
    document = document_of(directory)
    if document is None:
        return None
    project = document.data.get("project")
    if isinstance(project, dict) and not _is_dynamic(project, "optional-dependencies"):
        return set(map(canonicalize_name, located.table_at(project, "optional-dependencies")))
    extras = located.table_at(document.data, "tool", "poetry", "extras")
    return set(map(canonicalize_name, extras)) if extras else None


def known_groups(directory: Path) -> set[str]:
    """Return the dependency groups that a project declares, normalised."""
    document = document_of(directory)
    return set(map(canonicalize_name, _groups(document.data))) if document else set()


def groups_of_poetry(directory: Path) -> set[str]:
    """Return the groups whose requirements are written in the words of Poetry alone."""
    document = document_of(directory)
    groups = located.table_at(document.data, "tool", "poetry", "group") if document else {}
    return {str(canonicalize_name(name)) for name in groups} - known_groups(directory)


def lock_to_make(directory: Path) -> tuple[Path, str] | None:
    """Return where requirements are written in words of a tool alone, and how it locks them.

    None where nothing is, as far as no build of the project could tell it.
    """
    document = document_of(directory)
    listed = located.table_at(document.data if document else {}, "tool", "poetry", "dependencies")
    if document and listed.keys() - {"python"}:
        return directory / "pyproject.toml", "poetry lock"
    pipfile = directory / "Pipfile"
    return (pipfile, "pipenv lock") if pipfile.is_file() else None


def project_requirements(directory: Path, choice: Choice = NOTHING) -> list[Requirement] | None:
    """Return what a project requires, and what is chosen besides.

    None where its ``pyproject.toml`` declares none: there is no ``[project]``, or its build
    computes what is asked for.

    Raises :class:`DefinitionError` when one is not a requirement.
    """
    document = document_of(directory)
    project = document.data.get("project") if document else None
    if document is None or not isinstance(project, dict) or _is_dynamic(project, "dependencies"):
        return None
    if choice.extras and _is_dynamic(project, "optional-dependencies"):
        return None
    reading = _Reading()
    reading.read(("project", "dependencies"), project.get("dependencies", []))
    optional = located.table_at(project, "optional-dependencies")
    own = canonicalize_name(str(project.get("name", "")))
    wanted, seen = {*choice.extras, *reading.take_extras(own)}, set[str]()
    while new := wanted - seen:
        seen |= new
        for name, listed in optional.items():
            if canonicalize_name(name) in new:
                reading.read(("project", "optional-dependencies", name), listed)
        # A project that requires itself takes more of its own extras.
        wanted |= set(reading.take_extras(own))
    if reading.faults:
        raise document.error(reading.faults)
    return reading.found


def group_requirements(directory: Path, choice: Choice) -> list[Requirement]:
    """Return the requirements of a project's chosen dependency groups; of unknown ones, none.

    Raises :class:`DefinitionError` when one is not a requirement, or groups include what is not
    there, or each other.
    """
    document = document_of(directory)
    if document is None or not choice.groups:
        return []
    groups = {str(canonicalize_name(name)): name for name in _groups(document.data)}
    reading = _Reading()
    for name in choice.groups:
        if name not in groups:
            continue
        try:
            found = DependencyGroupResolver(_groups(document.data)).resolve(name)
        except (ValueError, ExceptionGroup) as error:
            where = (GROUPS, groups[name])
            reading.faults.append(Fault(where, _reason(error, f"the group `{name}` is not valid")))
            continue
        reading.read((GROUPS, groups[name]), list(map(str, found)))
    if reading.faults:
        raise document.error(reading.faults)
    return reading.found


def _reason(error: Exception, what: str) -> str:
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return f"{what}: {error}"


def _groups(data: Mapping[str, Any]) -> dict[str, Any]:
    found = {**located.table_at(data, *_OLDER_GROUPS), **located.table_at(data, GROUPS)}
    if isinstance(listed := located.value_at(data, *_UV_DEV), list):
        found[_DEV] = [*found.get(_DEV, ()), *listed]
    return found


def _is_dynamic(project: Mapping[str, Any], field: str) -> bool:
    dynamic = project.get("dynamic")
    return isinstance(dynamic, list) and field in dynamic


class _Reading:
    """Requirements that were read, and the faults among them."""

    def __init__(self) -> None:
        self.found: list[Requirement] = []
        self.faults: list[Fault] = []

    def read(self, path: Keys, listed: Any) -> None:
        """Read the requirements of an array."""
        self.faults += self._read(path, listed)

    def take_extras(self, own: str) -> set[str]:
        """Remove what requires the project itself; return the extras that it asks for."""
        itself = [each for each in self.found if canonicalize_name(each.name) == own]
        self.found = [each for each in self.found if each not in itself]
        return {canonicalize_name(extra) for each in itself for extra in each.extras}

    def _read(self, path: Keys, listed: Any) -> Iterator[Fault]:
        if not isinstance(listed, list):
            yield Fault(path, f"`{'.'.join(map(str, path))}` must be an array of strings")
            return
        for index, text in enumerate(listed):
            if not isinstance(text, str):
                yield Fault((*path, index), "a requirement must be a string")
                continue
            try:
                self.found.append(checked(text, addressed=True))
            except NotARequirementError as error:
                yield Fault((*path, index), str(error), error.hint)
