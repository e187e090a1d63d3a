"""What a build would refuse, found without building: all of it, in a second.

What is known is the recipe, its lock, the project's own modules, and the wheels that the store has
already; of packages that were not fetched nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from omnibuild import pipeline
from omnibuild.blueprint.versions import read_recipe
from omnibuild.documents.said import said_of
from omnibuild.errors import OmnibuildError
from omnibuild.host.hooks import load_hooks
from omnibuild.recipe import located
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.whereabouts import only_recipe, table_in
from omnibuild.settings import Settings
from omnibuild.starts.answered import static_oddities
from omnibuild.starts.brought import Known, brought_faults, known_of
from omnibuild.starts.imports import missing_imports
from omnibuild.starts.interfaces import interface_oddities
from omnibuild.starts.starts import script_error, start_faults, started_modules
from omnibuild.store.store import Store
from omnibuild.workbench.foreseeing import foreseen, foreseen_if_packaged


@dataclass(frozen=True)
class Checked:
    """What is known of one recipe.

    Args:
        name: the recipe's name, as it was asked for.
        problems: everything that a build would refuse.
        unread: how many packages of its lock were not fetched, and so not looked into.
        oddities: what is allowed, and perhaps not meant.
    """

    name: str
    problems: tuple[OmnibuildError, ...]
    unread: int = 0
    oddities: tuple[str, ...] = ()


def check(
    settings: Settings, names: Sequence[str], platforms: Sequence[str] = ()
) -> tuple[Checked, ...]:
    """Check recipes.

    Args:
        settings: where definitions and the store are.
        names: of the recipes; all of the workspace itself when empty.
        platforms: those to check them for; those of each recipe when empty.
    """
    definitions = Definitions(settings.workspace)
    ports: dict[str, str] = {}
    # Where there is none, the error is that of all commands.
    every = names or definitions.own_recipes() or [str(only_recipe(settings.workspace))]
    return tuple(_checked(settings, definitions, name, platforms, ports) for name in every)


def _checked(
    settings: Settings,
    definitions: Definitions,
    name: str,
    platforms: Sequence[str],
    ports: dict[str, str],
) -> Checked:
    problems: list[OmnibuildError] = []
    oddities: tuple[str, ...] = ()
    known: Known | None = None
    try:
        recipe, path = read_recipe(definitions, name)
    except OmnibuildError as error:
        return Checked(name, (error,))
    try:
        oddities = pipeline.plan(settings, name, platforms).oddities
        known = known_of(Store(settings.cache), definitions, recipe, path)
    except OmnibuildError as error:
        # As of a lock that is not there, or of another day: that hides nothing else.
        problems += [error, *_behind(recipe, path, error)]
    problems += _start_problems(recipe, path, known, ports)
    try:
        foreseen(recipe, path).raise_if_failed()
        oddities += foreseen_if_packaged(recipe, path)
        oddities += tuple(_missing_imports(recipe, path, known)) if known else ()
        oddities += tuple(_web_oddities(recipe, path))
    except OmnibuildError as error:
        problems.append(error)
    return Checked(name, tuple(problems), known.unread if known else 0, oddities)


def _behind(recipe: Recipe, path: Path, first: OmnibuildError) -> Iterator[OmnibuildError]:
    """Yield what is wrong with hooks and documents, which a plan reads after the lock."""
    scripts = recipe.package.scripts
    hooks = partial(load_hooks, path.parent / scripts) if scripts else dict
    for read in (hooks, partial(said_of, recipe, path)):
        try:
            read()
        except OmnibuildError as error:
            if str(error) != str(first):
                yield error


def _start_problems(
    recipe: Recipe, path: Path, known: Known | None, ports: dict[str, str]
) -> Iterator[OmnibuildError]:
    faults = list(start_faults(recipe, path))
    if known:
        faults += brought_faults(recipe, known, {fault.path for fault in faults})
    faults += _port_faults(recipe, ports)
    if faults:
        yield located.read(path).at(table_in(path)).error(faults)
    if wrong := script_error(recipe, path):
        yield wrong


def _missing_imports(recipe: Recipe, path: Path, known: Known) -> Iterator[str]:
    """Say what started modules import, and nothing brings; nothing as long as some are unknown."""
    if not known.whole or not (recipe.source and recipe.source.path):
        return
    directory = path.parent / recipe.source.path
    brought = {each.partition(".")[0] for each in known.installed.modules}
    for place, name in missing_imports(directory, started_modules(recipe, directory), brought):
        advice = known.installed.advice(name)
        yield f"{place} imports {name}, which neither the project nor its lock brings; {advice}"


def _web_oddities(recipe: Recipe, path: Path) -> Iterator[str]:
    if recipe.python and recipe.source and recipe.source.path:
        directory = path.parent / recipe.source.path
        yield from static_oddities(recipe, directory)
        yield from interface_oddities(recipe, directory)


def _port_faults(recipe: Recipe, ports: dict[str, str]) -> Iterator[Fault]:
    """Yield a port that another app of the workspace has, too."""
    if recipe.web:
        port = recipe.web.listen.rpartition(":")[2]
        other = ports.setdefault(port, recipe.app.name)
        if other != recipe.app.name:
            what = f"port {port} is taken by {other}, of the same workspace"
            yield Fault(("web", "listen"), what, "two apps on one host need two ports")
