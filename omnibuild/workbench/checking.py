"""What a build would refuse, found without building: all of it, in a second.

What is known is the recipe, its lock, the project's own modules, and the wheels that the store has
already; of packages that were not fetched nothing is said.
"""

from __future__ import annotations

import difflib
import shlex
import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omnibuild import pipeline
from omnibuild.blueprint.platforms import chosen_platforms, lowest_glibc
from omnibuild.blueprint.versions import read_recipe
from omnibuild.discovery.code import modules
from omnibuild.discovery.distribution import Startable
from omnibuild.discovery.findings import Findings
from omnibuild.discovery.metadata import declared
from omnibuild.errors import DefinitionError, OmnibuildError
from omnibuild.host.programs import Installed
from omnibuild.recipe import located
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.located import Fault
from omnibuild.recipe.lock import load_lock, lock_path
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.models.locked import LockedFile
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted
from omnibuild.recipe.whereabouts import only_recipe, table_in, word_for
from omnibuild.settings import Settings
from omnibuild.starts.imports import missing_imports
from omnibuild.starts.starts import commands_of, script_error, start_faults, started_modules
from omnibuild.store.store import Store
from omnibuild.workbench.foreseeing import foreseen, foreseen_if_packaged

_SHOWN_MODULES = 5


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


@dataclass(frozen=True)
class _Known:
    """What an app will hold, as far as it can be read.

    Args:
        own: modules of its project: name to file.
        installed: what can be started of the project and of fetched packages.
        unread: packages of its lock that were not fetched.
        whole: whether nothing else can be in it.
    """

    own: Mapping[str, Path]
    installed: Installed
    unread: int
    whole: bool


def check(settings: Settings, names: Sequence[str]) -> tuple[Checked, ...]:
    """Check recipes; all of the workspace itself when none is named."""
    definitions = Definitions(settings.workspace)
    ports: dict[str, str] = {}
    # Where there is none, the error is that of all commands.
    every = names or definitions.own_recipes() or [str(only_recipe(settings.workspace))]
    return tuple(_checked(settings, definitions, name, ports) for name in every)


def _checked(
    settings: Settings, definitions: Definitions, name: str, ports: dict[str, str]
) -> Checked:
    try:
        recipe, path = read_recipe(definitions, name)
        oddities = pipeline.plan(settings, name).oddities
        known = _known(settings, definitions, recipe, path)
    except OmnibuildError as error:
        return Checked(name, (error,))
    faults = list(start_faults(recipe, path))
    said = {fault.path for fault in faults}
    faults += [each for each in _web_faults(recipe, known) if each.path not in said]
    faults += [*_command_faults(recipe, known, said), *_port_faults(recipe, ports)]
    problems: list[OmnibuildError] = []
    if faults:
        problems.append(located.read(path).at(table_in(path)).error(faults))
    if wrong := script_error(recipe, path):
        problems.append(wrong)
    try:
        foreseen(recipe, path).raise_if_failed()
        oddities += foreseen_if_packaged(recipe, path)
        oddities += tuple(_missing_imports(recipe, path, known))
    except OmnibuildError as error:
        problems.append(error)
    return Checked(name, tuple(problems), known.unread, oddities)


def _known(settings: Settings, definitions: Definitions, recipe: Recipe, path: Path) -> _Known:
    own: dict[str, Path] = {}
    brought = Startable()
    whole = not recipe.software
    if recipe.source and recipe.source.path:
        directory = path.parent / recipe.source.path
        found = Findings()
        declared(directory, found)
        own = dict(modules(directory))
        brought.scripts |= dict.fromkeys(found.commands, "it:is")
        whole = whole and not (directory / "setup.py").exists()
    unread = 0
    store = Store(settings.cache)
    files, trees = _locked(definitions, recipe, path)
    unread += trees  # what they bring, only their builds know
    for file in files:
        blob = store.blob(file.sha256)
        if not file.name.endswith(".whl") or not blob.exists():
            unread += 1
            continue
        brought.add(blob, file.name)
    modules_there = brought.modules | own.keys()
    word = word_for(path)
    installed = Installed(brought.scripts, modules_there, brought.programs, recipe=word)
    return _Known(own, installed, unread, whole and not unread)


def _locked(
    definitions: Definitions, recipe: Recipe, path: Path
) -> tuple[tuple[LockedFile, ...], int]:
    """Return the files of a lock, and how many packages of it are directories or checkouts."""
    if not recipe.python:
        return (), 0
    platforms = chosen_platforms(definitions, recipe, ())
    lock = load_lock(lock_path(recipe, path))
    files = lock.select(recipe.python.version, lowest_glibc(platforms))
    return files, len(lock.trees(recipe.python.version))


def _web_faults(recipe: Recipe, known: _Known) -> Iterator[Fault]:
    """Yield a served module that nothing brings; of a package of the project, its files tell."""
    if not recipe.web or not recipe.web.app:
        return
    module = recipe.web.app.partition(":")[0]
    if module in known.installed.modules or not known.whole:
        return
    near = difflib.get_close_matches(module, known.own, 1)
    hint = f"did you mean `{near[0]}`?" if near else known.installed.advice(module)
    if not near and (some := ", ".join(list(known.own)[:_SHOWN_MODULES])):
        hint += f"; modules of the project are: {some}"
    yield Fault(("web", "app"), f"the app has no module {quoted(module)}", hint)


def _missing_imports(recipe: Recipe, path: Path, known: _Known) -> Iterator[str]:
    """Say what started modules import, and nothing brings; nothing as long as some are unknown."""
    if not known.whole or not (recipe.source and recipe.source.path):
        return
    directory = path.parent / recipe.source.path
    brought = {each.partition(".")[0] for each in known.installed.modules}
    for place, name in missing_imports(directory, started_modules(recipe, directory), brought):
        advice = known.installed.advice(name)
        yield f"{place} imports {name}, which neither the project nor its lock brings; {advice}"


def _command_faults(recipe: Recipe, known: _Known, said: Container[Keys]) -> Iterator[Fault]:
    """Yield what no package brings, unless ``said``; nothing as long as some are unknown."""
    if not known.whole:
        return
    for place, command in commands_of(recipe).items():
        if place in said or _of_components(command):
            continue
        try:
            known.installed.call(command)
        except DefinitionError as error:
            yield Fault(place, error.what, error.hint)


def _of_components(command: str) -> bool:
    """Tell whether what a command runs may come with a component, the interpreter among them."""
    first, *arguments = shlex.split(command)
    module = arguments[1] if arguments[:1] == ["-m"] and len(arguments) > 1 else ""
    return "/" in first or module.partition(".")[0] in sys.stdlib_module_names


def _port_faults(recipe: Recipe, ports: dict[str, str]) -> Iterator[Fault]:
    """Yield a port that another app of the workspace has, too."""
    if recipe.web:
        port = recipe.web.listen.rpartition(":")[2]
        other = ports.setdefault(port, recipe.app.name)
        if other != recipe.app.name:
            what = f"port {port} is taken by {other}, of the same workspace"
            yield Fault(("web", "listen"), what, "two apps on one host need two ports")
