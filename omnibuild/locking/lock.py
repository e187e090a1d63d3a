"""From a recipe to its lock: one resolution of what runs, one for each source of what builds it."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from packaging.pylock import Pylock
from packaging.requirements import Requirement

from omnibuild import pipeline
from omnibuild.blueprint.app import lowest_glibc
from omnibuild.errors import DefinitionError, UsageError, Where
from omnibuild.events import Emit
from omnibuild.host import servers
from omnibuild.locking.building import build_groups, source_trees
from omnibuild.locking.groups import merged
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.lock import RUN, lock_path
from omnibuild.recipe.models import Recipe
from omnibuild.settings import Settings
from omnibuild.sources.python.backends import is_built
from omnibuild.sources.python.project import project_requirements
from omnibuild.sources.python.requirements import NotARequirementError, checked
from omnibuild.sources.python.resolve import Resolver


@dataclass(frozen=True)
class Locked:
    """A lock that was made: where it belongs, and what is in it."""

    path: Path
    content: Pylock


def lock(settings: Settings, name: str, require: Sequence[str], emit: Emit) -> Locked:
    """Resolve what an app runs with, and what its sources are built with.

    Args:
        settings: where definitions and the store are.
        name: the recipe's name.
        require: what to pin besides the app's own requirements and its server (PEP 508).
        emit: takes events.

    Raises:
        DefinitionError: the recipe or the project says nothing that can be locked.
        LockError: it cannot be resolved.
    """
    definitions = Definitions(settings.workspace)
    recipe, path = definitions.recipe(name)
    if not recipe.python or not recipe.source:
        raise DefinitionError(
            f"{recipe.app.name} has no Python packages to lock", where=Where(str(path))
        )
    wanted = _wanted(recipe, path, require)
    glibc = lowest_glibc(pipeline.chosen_platforms(definitions, recipe, ()))
    directory = path.parent / recipe.source.path
    project = {"": directory} if recipe.source.path and is_built(directory) else {}
    with tempfile.TemporaryDirectory(prefix="omnibuild-lock-") as scratch:
        resolver = Resolver(recipe.python.version, glibc, Path(scratch))
        with ThreadPoolExecutor(max_workers=1) as pool:
            # Neither waits for the other: most of their time is the index's.
            running = pool.submit(resolver.resolve, wanted, recipe.python.from_source)
            groups = build_groups(project, resolver, settings, emit)
            groups[RUN] = running.result()
        with source_trees(groups[RUN], settings, emit) as trees:
            groups |= build_groups(trees, resolver, settings, emit)
    return Locked(lock_path(recipe, path), merged(groups, recipe.python.version))


def _wanted(recipe: Recipe, path: Path, require: Sequence[str]) -> list[Requirement]:
    wanted = [_requirement(text, "--require") for text in require]
    if recipe.source and recipe.source.index:
        wanted.append(_requirement(recipe.source.index, "source.index"))
    elif recipe.source:
        wanted += project_requirements(path.parent / recipe.source.path)
    if recipe.web:
        wanted += [Requirement(text) for text in servers.requirements(recipe.web)]
    return wanted


def _requirement(text: str, place: str) -> Requirement:
    try:
        return checked(text)
    except NotARequirementError as error:
        raise UsageError(f"{place}: {error}", hint=error.hint) from error
