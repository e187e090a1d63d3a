"""The Python packages of an app as actions: fetch, build where it must be, install."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.blueprint.builds import Builds
from omnibuild.blueprint.components import Components
from omnibuild.blueprint.node import node_wheel
from omnibuild.blueprint.prebuilt import patchelf_action
from omnibuild.blueprint.wanted import told_to, wanted
from omnibuild.discovery.code import modules
from omnibuild.errors import LockError, UnknownNameError, Where
from omnibuild.host import servers
from omnibuild.layers.environment import FIXED_ENVIRONMENT
from omnibuild.layers.search_paths import PATCHELF
from omnibuild.plan.graph import Action
from omnibuild.provenance.manifest import PythonComponent
from omnibuild.recipe.lock import NODE, build_group, load_lock, lock_path
from omnibuild.recipe.models import Python, Recipe
from omnibuild.recipe.models.locked import LockedFile, LockedTree
from omnibuild.recipe.models.needs import NO_NEEDS, SourceNeeds
from omnibuild.recipe.validate import quoted
from omnibuild.recipe.wheeltags import full_version, same_release, same_version
from omnibuild.recipe.whereabouts import word_for
from omnibuild.sources.python.backends import is_built
from omnibuild.sources.python.project.declared import declared_identity, declared_python
from omnibuild.sources.python.told import version_variables


@dataclass(frozen=True)
class PythonPart:
    """One installed distribution: the action that installs it, and what the manifest says."""

    action: str
    component: PythonComponent


class PythonPackages:
    """The Python side of one recipe.

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
        self.interpreter = f"python-{python.version}"
        self.parts: list[PythonPart] = []
        # What asks the interpreter about modules of the project and of others beside it.
        self.asked: dict[str, str] = {}
        self.patchelf: Action | None = None
        # The part that is the app's own, and the source of that where a wheel is made of it.
        self.project = self.source = ""
        # Components that wheels which are built here link, and so the app brings.
        self.linked: dict[str, None] = {}
        self._python, self._glibc, self._components = python, glibc, components
        self._directory = recipe_path.parent
        components.add(self.interpreter)
        self._builds = Builds(recipe.app.name, python.version, components, recipe.software)
        lock = lock_path(recipe, recipe_path)
        self._lock = load_lock(lock, f"omnibuild lock {word_for(recipe_path)}")
        self._lock.check(wanted(recipe, recipe_path).record)
        locked = self._lock.select(python.version, glibc)
        for file in locked:
            self._add_locked(file)
        for tree in self._lock.trees(python.version):
            self._add_tree(tree, lock.parent)
        if recipe.source and recipe.source.path:
            self._add_project(recipe, self._directory / recipe.source.path)
        elif recipe.source:
            self._require_locked(recipe.source.index, locked)
            self.project = f"python:{canonicalize_name(recipe.source.index.partition('==')[0])}"
        for text in servers.requirements(recipe.web) if recipe.web else ():
            self._require_server(text, locked)

    def node(self) -> tuple[LockedFile, str]:
        """Return what bundles the front end, and the action that fetches it."""
        there = NODE in (self._lock.content.dependency_groups or ())
        locked = self._lock.select(self._python.version, self._glibc, NODE) if there else ()
        wheel = node_wheel(locked, self._lock)
        return wheel, self._builds.fetch(wheel)

    @property
    def actions(self) -> dict[str, Action]:
        """All that the packages take besides components."""
        return self._builds.actions

    def _add_locked(self, file: LockedFile) -> None:
        source = self._builds.fetch(file)
        if not file.name.endswith(".whl"):
            group = build_group(file.package)
            source = self._build(file.package, source, group, {}, file.needs)
        installed = self._install(file.package, source, file.name)
        described = PythonComponent(file.package, file.version, file.name, file.sha256)
        self.parts.append(PythonPart(installed, described))

    def _add_tree(self, tree: LockedTree, base: Path) -> None:
        digest = tree.commit
        if tree.commit:
            source = self._builds.checkout(tree)
        else:
            source, digest = self._builds.snapshot(tree.package, base / tree.directory)
        told = version_variables(tree.package, tree.told) if tree.told else {}
        wheel = self._build(tree.package, source, build_group(tree.package), told, tree.needs)
        installed = self._install(tree.package, wheel, "")
        if not tree.commit:
            self._ask(tree.package, installed)
        described = PythonComponent(tree.package, tree.version, "", digest)
        self.parts.append(PythonPart(installed, described))

    def _add_project(self, recipe: Recipe, directory: Path) -> None:
        source, digest = self._builds.snapshot(recipe.app.name, directory)
        self.project = f"python:{recipe.app.name}"
        if is_built(directory):
            self.source = source
            told = told_to(recipe, directory)
            wheel = self._build(recipe.app.name, source, build_group(), told)
            installed = self._install(recipe.app.name, wheel, "")
        else:
            installed = self._copy(recipe.app.name, source)
        self._ask(recipe.app.name, installed)
        described = PythonComponent(recipe.app.name, recipe.app.release, "", digest)
        self.parts.append(PythonPart(installed, described))

    def _build(
        self,
        name: str,
        source: str,
        group: str,
        told: Mapping[str, str],
        needs: SourceNeeds = NO_NEEDS,
    ) -> str:
        files = self._lock.select(self._python.version, self._glibc, group)
        self._require_needs(name, needs)
        self.linked |= dict.fromkeys(needs.needs)
        return self._builds.wheel(name, source, self._builds.backend(name, files), told, needs)

    def _require_needs(self, name: str, needs: SourceNeeds) -> None:
        """Plan what a lock says of building a package, or refuse it."""
        what = ""
        for need in (*needs.needs, *needs.build_needs):
            try:
                self._components.add(need)
            except UnknownNameError as error:
                # A definition that is there has said where it needs one that is not.
                if error.where:
                    raise
                what = f"{name} is built with {quoted(need)}, which no definition has"
            else:
                if need in needs.needs and self._components.software(need).build_only:
                    what = f"{name} needs {quoted(need)}, which only builds things"
            if what:
                hint = f"define it in software/{need}.toml, or run: {self._lock.make}"
                raise LockError(what, where=Where(self._lock.file), hint=hint)

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
        if file.endswith(".whl"):
            self.patchelf = patchelf_action()
            inputs[PATCHELF] = self._builds.add(self.patchelf)
        return self._builds.add(
            Action(
                name=f"install:{self._builds.app}/{name}{self._builds.place}",
                kind="install",
                parameters={
                    "python": self._python.version,
                    "file": file if file.endswith(".whl") else "",
                    "environment": FIXED_ENVIRONMENT,
                },
                inputs=inputs,
            )
        )

    def _require_locked(self, wanted: str, locked: Iterable[LockedFile]) -> None:
        name, _, version = wanted.partition("==")
        found = [file.version for file in locked if file.package == canonicalize_name(name)]
        if not any(same_version(each, version) for each in found):
            raise LockError(
                f"the lock does not pin {wanted}",
                where=Where(self._lock.file),
                hint=f"run: {self._lock.make}",
            )

    def _require_server(self, text: str, locked: Iterable[LockedFile]) -> None:
        """Refuse a lock, perhaps of another tool, without what serves the app."""
        needed = Requirement(text)
        name = canonicalize_name(needed.name)
        found = [file.version for file in locked if file.package == name]
        if not any(needed.specifier.contains(version, prereleases=True) for version in found):
            raise LockError(
                f"the lock does not pin {text}, which serves the app",
                where=Where(self._lock.file),
                why=f"it pins {', '.join(found)}" if found else "",
                hint=f"run: {self._lock.make}",
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
