"""What an app starts of its own project, as far as the project's files can tell before a build."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

from omnibuild.errors import DefinitionError
from omnibuild.recipe import located
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.running.commands import INTERPRETER
from omnibuild.recipe.validate import quoted
from omnibuild.recipe.whereabouts import table_in
from omnibuild.sources.python.project.declared import document_of
from omnibuild.starts.targets import script_faults, web_fault


def commands_of(recipe: Recipe) -> Mapping[Keys, str]:
    """Return the commands of a recipe by their places in it."""
    told: dict[Keys, str] = {("commands", n): c for n, c in recipe.commands.items()}
    told |= {("services", n, "command"): s.command for n, s in recipe.services.items()}
    told |= {("timers", n, "command"): t.command for n, t in recipe.timers.items()}
    if recipe.web and recipe.web.command:
        told["web", "command"] = recipe.web.command
    return told


def start_faults(recipe: Recipe, path: Path) -> Iterator[Fault]:
    """Yield what a recipe starts, and its project has not."""
    if not (recipe.python and recipe.source and recipe.source.path):
        return
    directory = path.parent / recipe.source.path
    if recipe.web and recipe.web.app and (fault := web_fault(directory, recipe.web.app)):
        yield Fault(("web", "app"), *fault)
    for place, command in commands_of(recipe).items():
        yield from _file_faults(directory, place, command)


def script_error(recipe: Recipe, path: Path) -> DefinitionError | None:
    """Return what is wrong with the project's console scripts that a recipe runs, if any is."""
    if not (recipe.python and recipe.source and recipe.source.path):
        return None
    directory = path.parent / recipe.source.path
    used = {shlex.split(command)[0] for command in commands_of(recipe).values()}
    faults = list(script_faults(directory, used))
    document = document_of(directory)
    return document.error(faults) if document and faults else None


def refuse_what_cannot_start(recipe: Recipe, path: Path) -> None:
    """Raise :class:`DefinitionError` for what an app starts, and its project has not."""
    if faults := list(start_faults(recipe, path)):
        raise located.read(path).at(table_in(path)).error(faults)
    if error := script_error(recipe, path):
        raise error


def _file_faults(directory: Path, place: Keys, command: str) -> Iterator[Fault]:
    """Yield a module that is written as a file: on hosts, files are at no known place."""
    first, *arguments = shlex.split(command)
    if INTERPRETER.fullmatch(first):
        first = arguments[0] if arguments else ""
    elif "/" not in first or first.startswith(("bin/", "sbin/")):
        return  # perhaps a program that the project's wheel brings
    if first.endswith(".py") and (directory / first).is_file():
        module = first.removeprefix("./").removeprefix("src/").removesuffix(".py")
        module = module.replace("/", ".").removesuffix(".__main__")
        what = f"{quoted(first)} is a file of the project, and no program of the app"
        yield Fault(place, what, f"write `python -m {module}`")
