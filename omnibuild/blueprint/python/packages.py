"""The Python packages of an app as actions: fetch, build where it must be, install."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from omnibuild.blueprint.components import Components
from omnibuild.blueprint.prebuilt import patchelf_action
from omnibuild.blueprint.python.wheels import Wheel, Wheels
from omnibuild.discovery.code import modules
from omnibuild.layers.environment import FIXED_ENVIRONMENT
from omnibuild.layers.search_paths import PATCHELF
from omnibuild.plan.graph import Action
from omnibuild.provenance.manifest import PythonComponent
from omnibuild.recipe.models import Python, Recipe
from omnibuild.recipe.wheeltags import full_version, same_release
from omnibuild.sources.python.project.declared import declared_identity, declared_python


@dataclass(frozen=True)
class PythonPart:
    """One installed distribution: the action that installs it, and what the manifest says."""

    action: str
    component: PythonComponent


class PythonPackages:
    """The Python side of one recipe: its wheels, installed.

    Args:
        recipe: the app, with a ``[python]`` table.
        recipe_path: its file; locks and sources are relative to it.
        python: the ``[python]`` table.
        components: planned components; the interpreter is added to them.
        glibc: the lowest ceiling of all platforms, which wheels must respect.
    """

    def __init__(
        self, recipe: Recipe, recipe_path: Path, python: Python, components: Components, glibc: str
    ) -> None:
        self.parts: list[PythonPart] = []
        # What asks the interpreter about modules of the project and of others beside it.
        self.asked: dict[str, str] = {}
        self.patchelf: Action | None = None
        self._python = python
        components.add(f"python-{python.version}")
        wheels = Wheels(recipe, recipe_path, python, components, glibc)
        self._builds = wheels.builds
        for wheel in wheels:
            self._add(wheel)
        self.node, self.linked = wheels.node, wheels.linked
        self.project, self.source = wheels.project, wheels.source

    @property
    def actions(self) -> dict[str, Action]:
        """All that the packages take besides components."""
        return self._builds.actions

    def _add(self, wheel: Wheel) -> None:
        name = wheel.component.name
        if wheel.as_it_is:
            installed = self._copy(name, wheel.action)
        else:
            installed = self._install(name, wheel.action, wheel.file)
        if wheel.is_here:
            self._ask(name, installed)
        self.parts.append(PythonPart(installed, wheel.component))

    def _ask(self, name: str, installed: str) -> None:
        """Let the interpreter say what it cannot compile of an installed project."""
        self.asked[f"python:{name}"] = self._builds.add(
            Action(
                name=f"syntax:{self._builds.app}/{name}{self._builds.place}",
                kind="syntax",
                parameters={"environment": FIXED_ENVIRONMENT},
                inputs={**self._builds.inputs(), "tree": installed},
            )
        )

    def _copy(self, name: str, source: str) -> str:
        return self._builds.add(
            Action(
                name=f"install:{self._builds.app}/{name}{self._builds.place}",
                kind="install",
                parameters={"python": self._python.version, "environment": FIXED_ENVIRONMENT},
                inputs={**self._builds.inputs(), "source": source},
            )
        )

    def _install(self, name: str, wheel: str, file: str) -> str:
        inputs = {**self._builds.inputs(), "wheel": wheel}
        # Whatever the tags of a wheel say, there may be something in it that others compiled.
        if file:
            self.patchelf = patchelf_action()
            inputs[PATCHELF] = self._builds.add(self.patchelf)
        return self._builds.add(
            Action(
                name=f"install:{self._builds.app}/{name}{self._builds.place}",
                kind="install",
                parameters={
                    "python": self._python.version,
                    "file": file,
                    "environment": FIXED_ENVIRONMENT,
                },
                inputs=inputs,
            )
        )


def oddities(recipe: Recipe, recipe_path: Path) -> tuple[str, ...]:
    """Say what a recipe leaves out, and where it and its source disagree."""
    if not recipe.source:
        return ()
    app, found = recipe.app, []
    if not (recipe.web or recipe.services or recipe.timers or recipe.commands):
        what = "write what runs: [web], [services.NAME], [timers.NAME] or [commands]"
        found.append(f"{app.name} starts nothing and has no commands; {what}")
    name, _, version = recipe.source.index.partition("==")
    if recipe.source.path:
        directory = recipe_path.parent / recipe.source.path
        name, version = declared_identity(directory)
        found += list(_missing_module(recipe, directory))
        found += list(_other_python(recipe, directory))
    if version and not same_release(version, app.release):
        what = f"{app.name} is packaged as version {app.release}, and its source says {version}"
        found.append(what)
    ours, theirs = canonicalize_name(app.name), canonicalize_name(name)
    # shop and shop-server are the same to people.
    if not (ours in theirs or theirs in ours):
        found.append(f"{app.name} is packaged, and its source is called {name}")
    return tuple(found)


def _other_python(recipe: Recipe, directory: Path) -> Iterator[str]:
    """Say that a project is not made for the interpreter that it gets."""
    allowed = declared_python(directory)
    if recipe.python and allowed and not allowed.contains(full_version(recipe.python.version)):
        python = f"CPython {recipe.python.version}"
        yield f"{recipe.app.name} gets {python}, and its source requires Python {allowed}"


def _missing_module(recipe: Recipe, directory: Path) -> Iterator[str]:
    """Say that a package of the project is served, and has no such module."""
    module = recipe.web.app.partition(":")[0] if recipe.web else ""
    own = dict(modules(directory))
    top = module.partition(".")[0]
    if module not in own and any(each.partition(".")[0] == top for each in own):
        close = difflib.get_close_matches(module, own, 1)
        has = f", but {close[0]}" if close else ""
        yield f"{recipe.app.name} serves {module}, and its source has no such module{has}"
