"""What an app's lock and its project bring, as far as it is there already, and what it lacks."""

from __future__ import annotations

import difflib
import os
import shlex
import sys
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from omnibuild.blueprint.platforms import chosen_platforms, lowest_glibc
from omnibuild.discovery.code import modules
from omnibuild.discovery.distribution import Startable
from omnibuild.discovery.findings import Findings
from omnibuild.discovery.metadata import declared
from omnibuild.errors import DefinitionError
from omnibuild.host.programs import Installed
from omnibuild.recipe import located
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.located import Fault
from omnibuild.recipe.lock import load_lock, lock_path
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.models.locked import LockedFile
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted
from omnibuild.recipe.whereabouts import table_in, word_for
from omnibuild.starts.starts import commands_of
from omnibuild.store.store import Store

_SHOWN_MODULES = 5


@dataclass(frozen=True)
class Known:
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


def known_of(store: Store, definitions: Definitions, recipe: Recipe, path: Path) -> Known:
    """Return what an app will hold, by its lock, its project, and the wheels in the store.

    Raises :class:`OmnibuildError` when one of them cannot be read.
    """
    own: dict[str, Path] = {}
    brought = Startable()
    whole = not recipe.software and not (recipe.build and recipe.build.steps)
    if recipe.source and recipe.source.path:
        directory = path.parent / recipe.source.path
        found = Findings()
        declared(directory, found)
        own = dict(modules(directory))
        brought.scripts |= dict.fromkeys(found.commands, "it:is")
        whole = whole and not (directory / "setup.py").exists()
    brought.programs |= set(_own_programs(recipe, path.parent))
    unread = 0
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
    return Known(own, installed, unread, whole and not unread)


def _own_programs(recipe: Recipe, directory: Path) -> Iterator[str]:
    """Yield what ``[files]`` puts below the app's directory, by its path there."""
    prefix = f"/opt/{recipe.app.name}/"
    for target, file in recipe.host_files.items():
        if not target.startswith(prefix) or file.ghost or file.directory:
            continue
        path = target.removeprefix(prefix)
        yield path
        if file.source and (source := directory / file.source).is_dir():
            for place, _, names in os.walk(source):
                yield from (f"{path}/{Path(place, name).relative_to(source)}" for name in names)


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


def brought_faults(recipe: Recipe, known: Known, said: Container[Keys] = ()) -> Iterator[Fault]:
    """Yield what is started and nothing brings, but for places of which something is ``said``."""
    yield from (fault for fault in _web_faults(recipe, known) if fault.path not in said)
    yield from _command_faults(recipe, known, said)


def refuse_what_nothing_brings(
    store: Store, definitions: Definitions, recipe: Recipe, path: Path
) -> None:
    """Raise :class:`DefinitionError`, with its place in the recipe, for what nothing brings."""
    if faults := list(brought_faults(recipe, known_of(store, definitions, recipe, path))):
        raise located.read(path).at(table_in(path)).error(faults)


def _web_faults(recipe: Recipe, known: Known) -> Iterator[Fault]:
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


def _command_faults(recipe: Recipe, known: Known, said: Container[Keys]) -> Iterator[Fault]:
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
