"""One recipe as a whole plan: components, wheels, placing, payload, audits, packages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omnibuild.blueprint.audits import audit_action, check_waivers, part_owners
from omnibuild.blueprint.components import Components
from omnibuild.blueprint.node import front_end
from omnibuild.blueprint.payload import files_action, payload_action, pruned
from omnibuild.blueprint.platforms import (
    base_actions,
    check_forms,
    lowest_glibc,
    package_action,
    refuse_one_file_of_two_roots,
    symbols_actions,
)
from omnibuild.blueprint.prebuilt import RUNTIME_PART, runtime_action
from omnibuild.blueprint.python import pex
from omnibuild.blueprint.python.packages import PythonPackages, oddities
from omnibuild.blueprint.steps import NODE_PART, STEPS_PART, steps_action
from omnibuild.blueprint.versions import without_profile
from omnibuild.host import bundled, servers
from omnibuild.host.layout import Layout
from omnibuild.package.compression import Effort
from omnibuild.package.formats import is_of_payload, left_out
from omnibuild.package.metadata import metadata_of
from omnibuild.payload.assembly import HOST_PART
from omnibuild.plan.graph import Action, Plan
from omnibuild.provenance.manifest import manifest
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.models import Platform, Recipe
from omnibuild.recipe.software.choosing import choices


@dataclass(frozen=True)
class AppPlan:
    """The plan of one app.

    Args:
        app: its name.
        recipe: the file with its recipe.
        plan: every action.
        packages: platform name to the name of the action that writes its artifact; platforms
            that read the same file share one.
        audits: platform name to the name of the action that audits its payload, where it has one.
        symbols: platform name to the name of the action that writes its package of debug symbols,
            where there is one.
        oddities: what is allowed, and perhaps not meant.
    """

    app: str
    recipe: Path
    plan: Plan
    packages: Mapping[str, str]
    audits: Mapping[str, str]
    symbols: Mapping[str, str] = field(default_factory=dict)
    oddities: tuple[str, ...] = ()

    @property
    def goals(self) -> tuple[str, ...]:
        """Names of the actions that all others are for."""
        return tuple(dict.fromkeys((*self.packages.values(), *self.symbols.values())))

    def platforms(self, goal: str) -> tuple[str, ...]:
        """Return the names of the platforms that an action writes an artifact for."""
        written = (*self.packages.items(), *self.symbols.items())
        return tuple(name for name, action in written if action == goal)


def plan_app(
    definitions: Definitions, recipe: Recipe, recipe_path: Path, platforms: Sequence[Platform]
) -> AppPlan:
    """Return everything that must be done for ``recipe`` on ``platforms``."""
    of_payload = [platform for platform in platforms if is_of_payload(platform)]
    of_wheels = [platform for platform in platforms if platform not in of_payload]
    check_waivers(recipe, recipe_path, of_payload)
    metadata = metadata_of(recipe)
    check_forms(recipe, recipe_path, platforms, metadata)
    actions: dict[str, Action] = {}
    packages: dict[str, str] = {}
    audits: dict[str, str] = {}
    symbols: dict[str, str] = {}
    # An interpreter that only builds wheels need not be quick, but all are built by the same one.
    building = recipe if of_payload else without_profile(recipe)
    planned = [
        plan_them(definitions, said, recipe_path, root, [p for p in chosen if p.root == root])
        for plan_them, said, chosen in (
            (_plan_in_root, recipe, of_payload),
            (_plan_wheels, building, of_wheels),
        )
        for root in dict.fromkeys(platform.root for platform in chosen)
    ]
    for found in planned:
        actions |= found.actions
        packages |= found.packages
        audits |= found.audits
        symbols |= found.symbols
    refuse_one_file_of_two_roots(packages)
    names = [platform.name for platform in platforms]
    told = pex.told(recipe) if of_wheels else ""
    return AppPlan(
        app=recipe.app.name,
        recipe=recipe_path,
        plan=Plan.of(actions.values()),
        packages={name: packages[name] for name in names},
        audits={name: audits[name] for name in names if name in audits},
        symbols={name: symbols[name] for name in names if name in symbols},
        oddities=(
            *oddities(recipe, recipe_path),
            *([told] if told else []),
            *(text for platform in platforms for text in left_out(metadata, platform)),
        ),
    )


@dataclass
class _Taken:
    """What a payload is made of.

    Args:
        parts: name of each part to the action that makes it.
        actions: those that make them, besides components.
    """

    parts: dict[str, str]
    actions: dict[str, Action] = field(default_factory=dict)

    def add_python(self, python: PythonPackages, components: Components) -> None:
        """Add the Python packages, and the libraries that prebuilt ones take."""
        self.actions |= python.actions
        self.parts |= {f"python:{part.component.name}": part.action for part in python.parts}
        if python.patchelf:
            self.add(RUNTIME_PART, runtime_action(components, python.patchelf))

    def add(self, part: str, *actions: Action) -> None:
        """Add a part with its actions, the last of which makes it."""
        self.actions |= {action.name: action for action in actions}
        self.parts[part] = actions[-1].name


@dataclass(frozen=True)
class _InRoot:
    """What is done in one root: the actions, and as in :class:`AppPlan` which of them for whom."""

    actions: Mapping[str, Action]
    packages: Mapping[str, str]
    audits: Mapping[str, str]
    symbols: Mapping[str, str]


def _plan_in_root(
    definitions: Definitions,
    recipe: Recipe,
    recipe_path: Path,
    root: str,
    platforms: Sequence[Platform],
) -> _InRoot:
    """Return what is done for platforms of one root."""
    components = _components(definitions, recipe, recipe_path, root)
    names = _wanted_components(recipe, components)
    glibc = lowest_glibc(platforms)
    python = None
    if recipe.python:
        python = PythonPackages(recipe, recipe_path, recipe.python, components, glibc)
        names = (*names, *python.linked)
    taken = _Taken({name: components.action(name) for name in components.closure(names)})
    if python:
        taken.add_python(python, components)
    if recipe.files:
        taken.add(HOST_PART, files_action(recipe, recipe_path))
    prune = pruned(recipe, recipe_path, components, taken.parts)
    npm = _add_own_build(recipe, recipe_path, components, python, taken, prune)
    parts, actions = taken.parts, components.actions | taken.actions
    packages = [part.component for part in python.parts] if python else []
    described = manifest(
        recipe,
        [components.software(name) for name in components.closure(names)],
        packages,
        components.root_lock,
        with_compiler=RUNTIME_PART in parts,
        npm=npm,
    )
    places = _place_actions(recipe, parts, components.place)
    inputs = {f"part:{name}": place.name for name, place in zip(parts, places, strict=True)}
    payload = payload_action(recipe, recipe_path, components, inputs, prune, described)
    who = part_owners(recipe, parts, components, packages)
    asked = python.asked if python else {}
    audits = [audit_action(recipe, each, payload, who, asked) for each in platforms]
    effort: Effort = "release" if recipe.build and recipe.build.profile == "release" else "quick"
    bases, after = base_actions(definitions, platforms), [audit.name for audit in audits]
    written = {p.name: package_action(p, payload, after, effort, inputs, bases) for p in platforms}
    symbols = symbols_actions(components, platforms, payload, after, effort, inputs)
    everything = [*actions.values(), *places, payload, *audits, *written.values()]
    everything += [action for found in (*bases.values(), *symbols.values()) for action in found]
    return _InRoot(
        {action.name: action for action in everything},
        {name: action.name for name, action in written.items()},
        {p.name: audit.name for p, audit in zip(platforms, audits, strict=True)},
        {name: found[-1].name for name, found in symbols.items()},
    )


def _plan_wheels(
    definitions: Definitions,
    recipe: Recipe,
    recipe_path: Path,
    root: str,
    platforms: Sequence[Platform],
) -> _InRoot:
    """Return what is done for platforms of one root whose hosts bring the interpreter."""
    components = _components(definitions, recipe, recipe_path, root)
    actions: dict[str, Action] = {}
    packages: dict[str, str] = {}
    for platform in platforms:
        settings, glibc = platform.settings, lowest_glibc(platforms)
        found, packages[platform.name] = pex.pex_actions(
            recipe, recipe_path, components, settings.architecture, glibc
        )
        actions |= found
    return _InRoot(components.actions | actions, packages, {}, {})


def _components(
    definitions: Definitions, recipe: Recipe, recipe_path: Path, root: str
) -> Components:
    """Return where what a recipe takes is compiled, as it says that it shall be."""
    return Components(
        definitions,
        root,
        recipe.build.profile if recipe.build else None,
        choices(definitions, recipe, recipe_path),
        symbols=bool(recipe.build and recipe.build.symbols),
    )


def _add_own_build(
    recipe: Recipe,
    recipe_path: Path,
    components: Components,
    python: PythonPackages | None,
    taken: _Taken,
    prune: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Add what ``[build]`` makes, over what is taken; return what the manifest says of it."""
    build, npm = recipe.build or None, []
    if build and build.node and python and recipe.source:
        directory = recipe_path.parent / recipe.source.path
        made = front_end(recipe, directory, build, build.node, components, *python.node())
        taken.actions |= python.actions
        taken.add(NODE_PART, *made.actions)
        npm = made.described()
    if build and build.steps:
        steps = steps_action(recipe, build, components, python, taken.parts, prune)
        taken.add(STEPS_PART, steps)
    return npm


def _wanted_components(recipe: Recipe, components: Components) -> tuple[str, ...]:
    names = [*recipe.software]
    if recipe.python:
        names.append(f"python-{recipe.python.version}")
    if recipe.web:
        names += servers.components(recipe.web)
    names += bundled.components(recipe)
    for name in recipe.build.needs if recipe.build else ():
        components.add(name)
    for name in names:
        components.add(name)
    return tuple(names)


def _place_actions(recipe: Recipe, parts: Mapping[str, str], place: str) -> list[Action]:
    parameters: dict[str, Any] = {"prefix": Layout.of(recipe).prefix}
    own = parameters
    if recipe.python and not recipe.python.sources:
        parameters = {**parameters, "sources": False}
    return [
        Action(
            f"place:{recipe.app.name}/{name}{place}",
            "place",
            own if name == HOST_PART else parameters,
            {"tree": action},
        )
        for name, action in parts.items()
    ]
