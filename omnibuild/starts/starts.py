"""What an app starts of its own project, as far as the project's files can tell before a build."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from omnibuild.errors import DefinitionError
from omnibuild.host import bundled
from omnibuild.host.layout import Layout, config_copies
from omnibuild.host.servers import configuration, option_faults
from omnibuild.recipe import located
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.running.commands import INTERPRETER, ONLY_MODULES, runs_module
from omnibuild.recipe.validate import quoted
from omnibuild.recipe.whereabouts import table_in
from omnibuild.sources.python.project.declared import document_of
from omnibuild.starts.answered import static_faults
from omnibuild.starts.targets import script_faults, script_targets, web_fault


def commands_of(recipe: Recipe) -> Mapping[Keys, str]:
    """Return the commands of a recipe by their places in it."""
    told: dict[Keys, str] = {("commands", n): c for n, c in recipe.commands.items()}
    told |= {("services", n, "command"): s.command for n, s in recipe.services.items()}
    told |= {("timers", n, "command"): t.command for n, t in recipe.timers.items()}
    if recipe.web and recipe.web.command:
        told["web", "command"] = recipe.web.command
    return told


def start_faults(recipe: Recipe, path: Path) -> Iterator[Fault]:
    """Yield what a recipe starts and its project has not, and what its server cannot be told."""
    if recipe.web:
        yield from option_faults(recipe.web)
    yield from _config_faults(recipe)
    source = recipe.python and recipe.source and recipe.source.path
    directory = path.parent / source if source else None
    if directory:
        if recipe.web and recipe.web.app and (fault := web_fault(directory, recipe.web.app)):
            yield Fault(("web", "app"), *fault)
        yield from static_faults(recipe, directory)
    for place, command in commands_of(recipe).items():
        yield from _file_faults(directory, place, command)


def _config_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield files of ``[config]`` that are called like one of a server's."""
    layout = Layout.of(recipe)
    made = dict(bundled.configuration(recipe, layout))
    if recipe.web:
        made |= configuration(recipe.web, layout)
    made_names = {posixpath.basename(path): path for path in config_copies(layout, made)}
    for path in config_copies(layout, recipe.config):
        other = made_names.get(posixpath.basename(path), path)
        if other != path:
            what = f"{quoted(path)} has the name of {quoted(other)}, which a server of the app has"
            hint = "give it another one: a moved tree has all of them in one directory"
            yield Fault(("config", path), what, hint, in_key=True)


def script_error(recipe: Recipe, path: Path) -> DefinitionError | None:
    """Return what is wrong with the project's console scripts that a recipe runs, if any is."""
    if not (recipe.python and recipe.source and recipe.source.path):
        return None
    directory = path.parent / recipe.source.path
    faults = list(script_faults(directory, _first_words(recipe)))
    document = document_of(directory)
    return document.error(faults) if document and faults else None


def started_modules(recipe: Recipe, directory: Path) -> Iterator[str]:
    """Yield the modules that an app starts, of the project in a directory or of others."""
    if recipe.web and recipe.web.app:
        yield recipe.web.app.partition(":")[0]
    for _, target in script_targets(directory, _first_words(recipe)):
        yield target.partition(":")[0]
    for command in commands_of(recipe).values():
        first, *arguments = shlex.split(command)
        if INTERPRETER.fullmatch(first) and arguments[:1] == ["-m"]:
            for module in arguments[1:2]:
                yield from (module, f"{module}.__main__")


def _first_words(recipe: Recipe) -> set[str]:
    return {shlex.split(command)[0] for command in commands_of(recipe).values()}


def refuse_what_cannot_start(recipe: Recipe, path: Path) -> None:
    """Raise :class:`DefinitionError` for what an app starts, and its project has not."""
    if faults := list(start_faults(recipe, path)):
        raise located.read(path).at(table_in(path)).error(faults)
    if error := script_error(recipe, path):
        raise error


def _file_faults(directory: Path | None, place: Keys, command: str) -> Iterator[Fault]:
    """Yield what the interpreter cannot run: on hosts, files are at no known place."""
    first, *arguments = shlex.split(command)
    interpreter = bool(INTERPRETER.fullmatch(first))
    if interpreter:
        first = arguments[0] if arguments else ""
    elif "/" not in first or first.startswith(("bin/", "sbin/")):
        return  # perhaps a program that the project's wheel brings
    if directory and first.endswith(".py") and (directory / first).is_file():
        module = first.removeprefix("./").removeprefix("src/").removesuffix(".py")
        module = module.replace("/", ".").removesuffix(".__main__")
        what = f"{quoted(first)} is a file of the project, and no program of the app"
        yield Fault(place, what, f"write `python -m {module}`")
    elif interpreter and not runs_module(arguments):
        yield Fault(place, f"{quoted(command)} is not `python -m MODULE`", ONLY_MODULES)
