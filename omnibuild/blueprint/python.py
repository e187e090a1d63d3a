"""The Python packages of an app as actions: fetch, build where it must be, install."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.blueprint.components import Components, fetch_action
from omnibuild.blueprint.prebuilt import is_prebuilt, patchelf_action
from omnibuild.blueprint.wanted import wanted
from omnibuild.errors import LockError, Where
from omnibuild.host import servers
from omnibuild.layers.environment import FIXED_ENVIRONMENT
from omnibuild.layers.search_paths import PATCHELF
from omnibuild.plan.graph import Action
from omnibuild.provenance.manifest import PythonComponent
from omnibuild.recipe import located
from omnibuild.recipe.lock import LockedFile, build_group, load_lock, lock_path
from omnibuild.recipe.models import Python, Recipe
from omnibuild.recipe.wheeltags import same_release, same_version
from omnibuild.recipe.whereabouts import word_for
from omnibuild.sources.python.backends import is_built
from omnibuild.sources.snapshot import snapshot
from omnibuild.store.results import Output


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
        self.actions: dict[str, Action] = {}
        self.parts: list[PythonPart] = []
        self.patchelf: Action | None = None
        self._app = recipe.app.name
        self._python, self._glibc, self._components = python, glibc, components
        self._directory = recipe_path.parent
        components.add(self.interpreter)
        lock = lock_path(recipe, recipe_path)
        self._lock = load_lock(lock, f"omnibuild lock {word_for(recipe_path)}")
        self._backends: dict[tuple[str, ...], str] = {}
        self._lock.check(wanted(recipe, recipe_path).record)
        locked = self._lock.select(python.version, glibc)
        for file in locked:
            self._add_locked(file)
        if recipe.source and recipe.source.path:
            self._add_project(recipe, self._directory / recipe.source.path)
        elif recipe.source:
            self._require_locked(recipe.source.index, locked)
        for text in servers.requirements(recipe.web) if recipe.web else ():
            self._require_server(text, locked)

    def _add(self, action: Action) -> str:
        self.actions[action.name] = action
        return action.name

    def _base_inputs(self) -> dict[str, str]:
        layers = self._components.closure((self.interpreter,))
        return {
            "root": self._components.root,
            **{f"layer:{name}": self._components.action(name) for name in layers},
        }

    def _fetch(self, file: LockedFile) -> str:
        places = [*([file.url] if file.url else []), f"index:{file.package}/{file.name}"]
        return self._add(fetch_action(file.sha256, places, file.name))

    def _backend(self, name: str, group: str) -> str:
        """Return the action that lays out what builds a package; the same for the same files."""
        files = self._lock.select(self._python.version, self._glibc, group)
        known = tuple(file.sha256 for file in files)
        if known not in self._backends:
            inputs = self._base_inputs()
            for file in files:
                inputs[f"backend:{file.name}"] = self._fetch(file)
            parameters = {"environment": FIXED_ENVIRONMENT}
            action = f"backend:{self._app}/{name}{self._components.place}"
            self._backends[known] = self._add(Action(action, "backend", parameters, inputs))
        return self._backends[known]

    def _add_locked(self, file: LockedFile) -> None:
        source = self._fetch(file)
        if not file.name.endswith(".whl"):
            source = self._build(file.package, source, build_group(file.package))
        installed = self._install(file.package, source, file.name)
        described = PythonComponent(file.package, file.version, file.name, file.sha256)
        self.parts.append(PythonPart(installed, described))

    def _add_project(self, recipe: Recipe, directory: Path) -> None:
        digest = snapshot(directory).digest
        source = self._add(
            Action(
                name=f"source:{recipe.app.name}",
                kind="snapshot",
                parameters={"digest": digest},
                places={"directory": str(directory)},
                output=Output("tree", digest),
            )
        )
        if is_built(directory):
            wheel = self._build(recipe.app.name, source, build_group())
            installed = self._install(recipe.app.name, wheel, "")
        else:
            installed = self._copy(recipe.app.name, source)
        described = PythonComponent(recipe.app.name, recipe.app.version, "", digest)
        self.parts.append(PythonPart(installed, described))

    def _build(self, name: str, source: str, group: str) -> str:
        backend = self._backend(name, group)
        inputs = {**self._base_inputs(), "layer:build-backend": backend, "source": source}
        parameters = {"environment": FIXED_ENVIRONMENT}
        return self._add(
            Action(f"wheel:{self._app}/{name}{self._components.place}", "wheel", parameters, inputs)
        )

    def _copy(self, name: str, source: str) -> str:
        return self._add(
            Action(
                name=f"install:{self._app}/{name}{self._components.place}",
                kind="install",
                parameters={"python": self._python.version, "environment": FIXED_ENVIRONMENT},
                inputs={**self._base_inputs(), "source": source},
            )
        )

    def _install(self, name: str, wheel: str, file: str) -> str:
        inputs = {**self._base_inputs(), "wheel": wheel}
        if is_prebuilt(file):
            self.patchelf = patchelf_action()
            inputs[PATCHELF] = self._add(self.patchelf)
        return self._add(
            Action(
                name=f"install:{self._app}/{name}{self._components.place}",
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
    """Say when the package would be called after another version than the one in it."""
    if not recipe.source:
        return ()
    version = recipe.source.index.partition("==")[2]
    if recipe.source.path:
        version = _static_version(recipe_path.parent / recipe.source.path / "pyproject.toml")
    if not version or same_release(version, recipe.app.version):
        return ()
    app = recipe.app
    return (f"{app.name} is packaged as version {app.version}, and its source says {version}",)


def _static_version(path: Path) -> str:
    """Return the version that a project's file says; empty where its build computes it."""
    if not path.is_file():
        return ""
    project = located.read(path).data.get("project")
    version = project.get("version") if isinstance(project, dict) else None
    return version if isinstance(version, str) else ""
