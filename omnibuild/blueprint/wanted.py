"""What a lock of an app is made from: the recipe and its project, as they are now."""

from __future__ import annotations

from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.host import servers
from omnibuild.recipe import located, whereabouts
from omnibuild.recipe.located import Fault
from omnibuild.recipe.lock import Record
from omnibuild.recipe.models import Recipe
from omnibuild.sources.python.backends import build_system, is_built
from omnibuild.sources.python.project import project_requirements
from omnibuild.sources.python.requirements import NotARequirementError, checked


def wanted(recipe: Recipe, path: Path) -> Record:
    """Return what an app is to run with, and what its project is built with.

    Raises :class:`DefinitionError` when the recipe or the project says nothing valid.
    """
    build: list[Requirement] = []
    requires = _required(recipe, path)
    if recipe.source and recipe.source.path:
        directory = path.parent / recipe.source.path
        requires += project_requirements(directory)
        build += build_system(directory).requires if is_built(directory) else ()
    if recipe.web:
        requires += [Requirement(text) for text in servers.requirements(recipe.web)]
    return Record(
        app=recipe.app.name,
        requires=_texts(requires),
        build_requires=_texts(build),
        from_source=from_source(recipe),
    )


def from_source(recipe: Recipe) -> tuple[str, ...]:
    """Return the normalised names of what is to be compiled."""
    names = recipe.python.from_source if recipe.python else ()
    return tuple(sorted({canonicalize_name(name) for name in names}))


def _required(recipe: Recipe, path: Path) -> list[Requirement]:
    found, faults = [], []
    listed = {("python", "require", i): text for i, text in enumerate(_require(recipe))}
    if recipe.source and recipe.source.index:
        listed["source", "index"] = recipe.source.index  # type: ignore[index]
    for keys, text in listed.items():
        try:
            found.append(checked(text))
        except NotARequirementError as error:
            faults.append(Fault(keys, str(error), error.hint))
    if faults:
        raise located.read(path).at(whereabouts.table_in(path)).error(faults)
    return found


def _require(recipe: Recipe) -> tuple[str, ...]:
    return recipe.python.require if recipe.python else ()


def _texts(requirements: list[Requirement]) -> tuple[str, ...]:
    return tuple(sorted(set(map(str, requirements))))
