"""The wheels of an app as actions: those of its lock are fetched, and sources are built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.blueprint.components import Components
from omnibuild.blueprint.node import node_wheel
from omnibuild.blueprint.python.builds import Builds
from omnibuild.blueprint.python.rust import refuse_rust
from omnibuild.blueprint.wanted import told_to, wanted
from omnibuild.errors import LockError, UnknownNameError, Where
from omnibuild.host import servers
from omnibuild.provenance.manifest import PythonComponent
from omnibuild.recipe.lock import NODE, build_group, load_lock, lock_path
from omnibuild.recipe.models import Python, Recipe
from omnibuild.recipe.models.locked import LockedFile, LockedTree
from omnibuild.recipe.models.needs import NO_NEEDS, SourceNeeds
from omnibuild.recipe.validate import quoted
from omnibuild.recipe.wheeltags import same_version
from omnibuild.recipe.whereabouts import word_for
from omnibuild.sources.python.backends import is_built
from omnibuild.sources.python.told import version_variables


@dataclass(frozen=True)
class Wheel:
    """A wheel that an app takes, or its project where nothing builds that.

    Args:
        action: fetches the wheel or builds it; of a project that nothing builds it has the source.
        component: what the manifest says of it.
        file: the wheel's name, empty for one that is built here.
        needs: names of components that it links.
        is_here: its source is a directory of this machine.
        as_it_is: nothing builds it.
    """

    action: str
    component: PythonComponent
    file: str = ""
    needs: tuple[str, ...] = ()
    is_here: bool = False
    as_it_is: bool = False


class Wheels:
    """All wheels of one recipe: those of its lock in their order, its project's last.

    Args:
        recipe: the app, with a ``[python]`` table.
        recipe_path: its file; locks and sources are relative to it.
        python: the ``[python]`` table.
        components: planned components; what builds sources is added to them.
        glibc: the lowest ceiling of all platforms, which wheels must respect.

    Raises:
        LockError: the lock is stale, or does not fit the interpreter or the platforms.
    """

    def __init__(
        self, recipe: Recipe, recipe_path: Path, python: Python, components: Components, glibc: str
    ) -> None:
        self.builds = Builds(recipe.app.name, python.version, components, recipe.software)
        # The part that is the app's own, and the source of that where a wheel is made of it.
        self.project = self.source = ""
        # Components that wheels which are built here link, and so the app brings.
        self.linked: dict[str, None] = {}
        self._recipe, self._path, self._directory = recipe, recipe_path, recipe_path.parent
        self._python, self._glibc, self._components = python, glibc, components
        path = lock_path(recipe, recipe_path)
        self._base = path.parent
        self._lock = load_lock(path, f"omnibuild lock {word_for(recipe_path)}")
        self._lock.check(wanted(recipe, recipe_path).record)
        self._locked = self._lock.select(python.version, glibc)

    def __iter__(self) -> Iterator[Wheel]:
        """Plan each wheel, and yield it; at the end what the lock lacks is refused."""
        for file in self._locked:
            yield self._of_file(file)
        for tree in self._lock.trees(self._python.version):
            yield self._of_tree(tree)
        source = self._recipe.source
        if source and source.path:
            yield self._of_project(self._directory / source.path)
        elif source:
            self._require_locked(source.index, self._locked)
            self.project = f"python:{canonicalize_name(source.index.partition('==')[0])}"
        for text in servers.requirements(self._recipe.web) if self._recipe.web else ():
            self._require_server(text, self._locked)

    def node(self) -> tuple[LockedFile, str]:
        """Return what bundles the front end, and the action that fetches it."""
        there = NODE in (self._lock.content.dependency_groups or ())
        locked = self._lock.select(self._python.version, self._glibc, NODE) if there else ()
        wheel = node_wheel(locked, self._lock)
        return wheel, self.builds.fetch(wheel)

    def _of_file(self, file: LockedFile) -> Wheel:
        action = self.builds.fetch(file)
        described = PythonComponent(file.package, file.version, file.name, file.sha256)
        if file.name.endswith(".whl"):
            return Wheel(action, described, file.name)
        group = build_group(file.package)
        action = self._build(file.package, action, group, {}, file.needs)
        return Wheel(action, described, needs=file.needs.needs)

    def _of_tree(self, tree: LockedTree) -> Wheel:
        digest = tree.commit
        if tree.commit:
            source = self.builds.checkout(tree)
        else:
            source, digest = self.builds.snapshot(tree.package, self._base / tree.directory)
        told = version_variables(tree.package, tree.told) if tree.told else {}
        action = self._build(tree.package, source, build_group(tree.package), told, tree.needs)
        described = PythonComponent(tree.package, tree.version, "", digest)
        return Wheel(action, described, needs=tree.needs.needs, is_here=not tree.commit)

    def _of_project(self, directory: Path) -> Wheel:
        app = self._recipe.app
        source, digest = self.builds.snapshot(app.name, directory)
        described = PythonComponent(app.name, app.release, "", digest)
        self.project = f"python:{app.name}"
        if not is_built(directory):
            return Wheel(source, described, is_here=True, as_it_is=True)
        self.source = source
        action = self._build(app.name, source, build_group(), told_to(self._recipe, directory))
        return Wheel(action, described, is_here=True)

    def _build(
        self,
        name: str,
        source: str,
        group: str,
        told: Mapping[str, str],
        needs: SourceNeeds = NO_NEEDS,
    ) -> str:
        for component in (self.builds.interpreter, *self._recipe.software):
            self._components.add(component)
        files = self._lock.select(self._python.version, self._glibc, group)
        builders = [file.package for file in files]
        refuse_rust(self._recipe, self._path, name, builders, self._components)
        self._require_needs(name, needs)
        self.linked |= dict.fromkeys(needs.needs)
        return self.builds.wheel(name, source, self.builds.backend(name, files), told, needs)

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
