"""What a lock of an app is made from: the recipe and its project, as they are now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.host import servers
from omnibuild.recipe import located, whereabouts
from omnibuild.recipe.located import Fault
from omnibuild.recipe.lock import Record, lock_path
from omnibuild.recipe.models import Recipe
from omnibuild.sources.python.backends import build_system, is_built
from omnibuild.sources.python.pins.finding import pins_file, pins_record
from omnibuild.sources.python.project import declared_identity, project_requirements
from omnibuild.sources.python.requirements import NotARequirementError, checked
from omnibuild.sources.python.told import version_variables


@dataclass(frozen=True)
class Wanted:
    """What an app is to run with, and what its project is built with.

    Args:
        app: its name.
        own: what the recipe requires, and the servers in it.
        project: the project's directory, none for a package of the index.
        built: the project is built into a wheel.
        declared: what the project requires; none where only its build, or its pins, can say it.
        building: what the project is built with.
        pins: the file that says which versions the project takes, if there is one.
        from_source: normalised names of what is to be compiled.
    """

    app: str
    own: tuple[Requirement, ...]
    project: Path | None
    built: bool
    declared: tuple[Requirement, ...] | None
    building: tuple[Requirement, ...]
    pins: Path | None
    from_source: tuple[str, ...]

    @property
    def record(self) -> Record:
        """The same in words, for a lock to remember."""
        return Record(
            app=self.app,
            requires=_texts((*self.own, *(self.declared or ()))),
            build_requires=_texts(self.building),
            from_source=self.from_source,
            pins=pins_record(self.pins),
        )


def wanted(recipe: Recipe, path: Path) -> Wanted:
    """Return what is wanted for an app, without a network and without running anything.

    Raises :class:`DefinitionError` when the recipe or the project says nothing valid.
    """
    own = _required(recipe, path)
    if recipe.web:
        own += [Requirement(text) for text in servers.requirements(recipe.web)]
    project = path.parent / recipe.source.path if recipe.source and recipe.source.path else None
    built = bool(project and is_built(project))
    declared = project_requirements(project) if project else []
    chosen = recipe.python.pins if recipe.python else ""
    names = recipe.python.from_source if recipe.python else ()
    return Wanted(
        app=recipe.app.name,
        own=tuple(own),
        project=project,
        built=built,
        declared=None if declared is None else tuple(declared),
        building=build_system(project).requires if project and built else (),
        pins=pins_file(project, chosen, lock_path(recipe, path)) if project else None,
        from_source=tuple(sorted({canonicalize_name(name) for name in names})),
    )


def told_to(recipe: Recipe, project: Path) -> dict[str, str]:
    """Return the variables that the project's build obeys: of its version, if it computes that."""
    name, version = declared_identity(project)
    return {} if version else version_variables(name or recipe.app.name, recipe.app.version)


def _required(recipe: Recipe, path: Path) -> list[Requirement]:
    found, faults = [], []
    require = recipe.python.require if recipe.python else ()
    listed: dict[tuple[str | int, ...], str] = {
        ("python", "require", index): text for index, text in enumerate(require)
    }
    if recipe.source and recipe.source.index:
        listed["source", "index"] = recipe.source.index
    for keys, text in listed.items():
        try:
            found.append(checked(text))
        except NotARequirementError as error:
            faults.append(Fault(keys, str(error), error.hint))
    if faults:
        raise located.read(path).at(whereabouts.table_in(path)).error(faults)
    return found


def _texts(requirements: Iterable[Requirement]) -> tuple[str, ...]:
    return tuple(sorted(set(map(str, requirements))))
