"""A PEX file of an app as actions: its wheels, and what puts them into one file."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

from omnibuild.blueprint.components import Components, fetch_action
from omnibuild.blueprint.python.wheels import Wheel, Wheels
from omnibuild.errors import DefinitionError, PackageError
from omnibuild.layers.environment import FIXED_ENVIRONMENT
from omnibuild.package.identity import check_identity
from omnibuild.package.metadata import metadata_of
from omnibuild.payload.model import RELATIONS
from omnibuild.plan.graph import Action
from omnibuild.provenance.manifest import PythonComponent, manifest
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Python, Recipe
from omnibuild.recipe.running.commands import INTERPRETER
from omnibuild.recipe.validate import quoted
from omnibuild.recipe.whereabouts import recipe_document

# Its bytes are an input of all that it makes, and a part of that: another version is another key.
_VERSION = "2.105.2"
_WHEEL = f"pex-{_VERSION}-py2.py35.py36.py37.py38.py39.py310.py311-none-any.whl"
_SHA256 = "5a4d73fbeab30ddf70e360971cb19b9fa80b2a29cfe83e786215fcdd5ef1af9d"

# Tables and keys of a recipe that are for a host, and how people find them.
_TABLES = ("web", "bundle", "services", "timers", "config", "files", "secrets", "software", "audit")


def pex_actions(
    recipe: Recipe, recipe_path: Path, components: Components, architecture: str, glibc: str
) -> tuple[dict[str, Action], str]:
    """Return the actions that make an app's PEX file, and the name of the last of them.

    Args:
        recipe: the app.
        recipe_path: its file.
        components: where its sources are compiled; nothing is added unless there are any.
        architecture: of the platform, as file names have it.
        glibc: the lowest ceiling of all platforms, which wheels must respect.

    Raises :class:`DefinitionError`: the recipe asks for what no PEX file can be.
    """
    python = _refuse_others(recipe, recipe_path)
    metadata = metadata_of(recipe)
    check_identity(metadata, revision=metadata.revision, architecture=architecture)
    wheels = Wheels(recipe, recipe_path, python, components, glibc)
    library = tool()
    inputs = {"root": components.root, "pex": library.name}
    described: list[PythonComponent] = []
    files: dict[str, str] = {}
    for wheel in wheels:
        _refuse_unfit(recipe, wheel)
        inputs[f"wheel:{wheel.component.name}"] = wheel.action
        described.append(wheel.component)
        if wheel.file:
            files[wheel.component.name] = wheel.file
    # It is in the file, too: what starts the app.
    described.append(PythonComponent("pex", _VERSION, _WHEEL, _SHA256))
    last = Action(
        f"pex:{recipe.app.name}/{architecture}{components.place}",
        "pex",
        {
            "name": f"{metadata.name}-{metadata.version}",
            "architecture": architecture,
            "python": python.version,
            "files": files,
            "command": started(recipe, recipe_path),
            "inject": dict(_variables(recipe)),
            "manifest": manifest(recipe, (), described, components.root_lock),
            "environment": FIXED_ENVIRONMENT,
        },
        inputs,
    )
    return wheels.builds.actions | {library.name: library, last.name: last}, last.name


def tool() -> Action:
    """Return the action that fetches pex."""
    return fetch_action(_SHA256, [f"index:pex/{_WHEEL}"], _WHEEL)


def started(recipe: Recipe, recipe_path: Path) -> str:
    """Return the command that a PEX file starts: the one called like the app, or the first of all.

    Raises :class:`DefinitionError` for one that is neither a console script nor a module.
    """
    name = _first(recipe)
    first, *words = shlex.split(recipe.commands[name])
    is_module = INTERPRETER.fullmatch(first) and words[:1] == ["-m"] and words[1:]
    if "/" in first or (INTERPRETER.fullmatch(first) and not is_module):
        what = f"a PEX file starts {quoted(name)}, and has no such program"
        hint = "it has console scripts of the app's packages, and `python -m MODULE`"
        raise recipe_document(recipe_path).error([Fault(("commands", name), what, hint)])
    return recipe.commands[name]


def _first(recipe: Recipe) -> str:
    return recipe.app.name if recipe.app.name in recipe.commands else next(iter(recipe.commands))


def left_out(recipe: Recipe) -> Iterator[str]:
    """Yield what a recipe says that is for hosts, and means nothing to a PEX file."""
    yield from (f"[{name}]" for name in _TABLES if getattr(recipe, name))
    # PEX_SCRIPT starts the console scripts of packages, by the names that they have there.
    yield from (
        f"[commands] {name}"
        for name, command in recipe.commands.items()
        if name != _first(recipe) and command.split() != [name]
    )
    kept = dict(_variables(recipe))
    yield from (f"[environment] {name}" for name in recipe.environment if name not in kept)
    python, package = recipe.python or None, recipe.package
    if python and python.prune:
        yield "[python.prune]"
    if python and python.additions:
        yield "[python] additions"
    if python and not python.sources:
        yield "[python] sources"
    if recipe.build and recipe.build.symbols:
        yield "[build] symbols"
    asked = [name for name in ("user", "scripts", "changelog", "manuals") if getattr(package, name)]
    forms = (package, package.deb, package.rpm)
    asked += [name for name in RELATIONS if any(getattr(form, name, None) for form in forms)]
    yield from (f"[package] {name.replace('_', '-')}" for name in asked)


def told(recipe: Recipe) -> str:
    """Say what a PEX file of a recipe does without; empty when that is nothing."""
    *others, last = list(left_out(recipe)) or [""]
    if not last:
        return ""
    words = f"{', '.join(others)} and {last}" if others else last
    return f"a PEX file has only the Python packages of {recipe.app.name}: it leaves out {words}"


def _refuse_others(recipe: Recipe, recipe_path: Path) -> Python:
    """Return the interpreter's table of a recipe of which a PEX file can be made."""
    faults = []
    if not recipe.python:
        what = "a PEX file has Python packages, and the recipe has no [python]"
        faults.append(Fault((), what, "build it for another platform"))
    if not recipe.commands:
        what = "a PEX file starts a command, and the recipe has none"
        hint = f'add [commands] with `{recipe.app.name} = "CONSOLE SCRIPT"`'
        faults.append(Fault((), what, hint))
    for key in ("steps", "node"):
        if recipe.build and getattr(recipe.build, key):
            what = f"a PEX file is made of wheels, and has no place for what `build.{key}` makes"
            hint = "let the project's own build do it, or build for another platform"
            faults.append(Fault(("build", key), what, hint))
    if faults or not recipe.python:
        raise recipe_document(recipe_path).error(faults)
    return recipe.python


def _refuse_unfit(recipe: Recipe, wheel: Wheel) -> None:
    """Refuse what no wheel alone can be."""
    name = wheel.component.name
    if wheel.as_it_is:
        raise DefinitionError(
            f"a PEX file is made of wheels, and nothing builds the project of {recipe.app.name}",
            hint="add [build-system] to its pyproject.toml, or build for another platform",
        )
    if wheel.needs:
        raise PackageError(
            f"a PEX file has no {' and no '.join(wheel.needs)}, which {name} is compiled with",
            hint=f"take {name}, or a package in its place, as a wheel that brings its libraries",
        )


def _variables(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Yield the variables of an app that do not name what only packages install."""
    for name, value in recipe.environment.items():
        if value not in recipe.config:
            yield name, value
