"""What only a package's own code says of it: asked in the sandbox, without a network."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.pylock import Package
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.blueprint.wanted import told_to
from omnibuild.errors import LockError, MissingDependencyError, StepError
from omnibuild.events import Emit
from omnibuild.locking.fetching import fetched, selected
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.models import Python, Recipe
from omnibuild.recipe.models.locked import LockedFile
from omnibuild.settings import Settings
from omnibuild.sources.python.requirements import NotARequirementError, checked
from omnibuild.sources.python.sdists import needs_of
from omnibuild.sources.python.told import version_variables

if TYPE_CHECKING:
    from packaging.metadata import Metadata

    from omnibuild.blueprint.components import Components
    from omnibuild.store.results import Output
    from omnibuild.store.store import Store

# How lines begin that others write below what a backend says.
_NOT_OF_BACKEND = ("Backend subprocess exited", "whole log: ")
_LONGEST_REASON = 200
# Bytes of an answer that are read; the longest metadata known has half a million.
LARGEST = 8 << 20


@dataclass(frozen=True)
class Source:
    """The source of a package.

    Args:
        name: of the package; empty for the project.
        directory: where it is unpacked.
        sdist: the file it is from; none: the directory is the source.
        version: of the package, as the index has it.
        told: the version that its build is told; empty where it says one, or is the project.
    """

    name: str
    directory: Path
    sdist: LockedFile | None = None
    version: str = ""
    told: str = ""


class Backends:
    """Asks the build backends of sources.

    Args:
        settings: where the store is.
        definitions: of components.
        recipe: the app, whose interpreter asks.
        path: the recipe's file.
        root: the root in which it does.
        glibc: highest version that wheels may need.
        indexes: those of the project, as ``NAME=URL``.
        emit: takes events.
    """

    def __init__(
        self,
        settings: Settings,
        definitions: Definitions,
        recipe: Recipe,
        path: Path,
        python: Python,
        root: str,
        glibc: str,
        indexes: Sequence[str],
        emit: Emit,
    ) -> None:
        self._settings, self._definitions, self._emit = settings, definitions, emit
        self._recipe, self._path, self._python = recipe, path, python
        self._root, self._glibc, self._indexes = root, glibc, indexes

    @contextmanager
    def unpacked(self, packages: Sequence[Package]) -> Iterator[list[Source]]:
        """Yield the sources of packages that are pinned as source, unpacked for the block."""
        from omnibuild.sources.archive import at_most, unpack

        with tempfile.TemporaryDirectory(prefix="omnibuild-sources-") as scratch:
            files = self.selected([each for each in packages if each.sdist or each.archive])
            files = [file for file in files if not file.name.endswith(".whl")]
            found = []
            for file, archive in fetched(self._settings, files, self._emit).items():
                # Errors name the file that it is in.
                directory = Path(scratch) / file.name
                unpack(archive, directory, limits=at_most(self._settings.unpacked))
                found.append(Source(file.package, directory, file, file.version))
            yield found

    def wheel_of(self, package: Package) -> Path:
        """Return the best of a package's files, once it is in the store."""
        (path,) = fetched(self._settings, self.selected([package]), self._emit).values()
        return path

    def requires(self, source: Source, building: Sequence[Package]) -> list[Requirement]:
        """Return what a source is to be built with besides what ``[build-system]`` says.

        Args:
            source: of the package.
            building: what is there already.
        """
        listed = json.loads(self._ask(source, building, "requires"))
        return self._checked(source, listed if isinstance(listed, list) else [])

    def metadata(self, source: Source, building: Sequence[Package]) -> Metadata:
        """Return what the wheel of a source would say of itself, once it is built."""
        from packaging.metadata import Metadata

        answer = self._ask(source, building, "metadata")
        try:
            # Old sources have fields that nobody reads, and that are not as they should be.
            return Metadata.from_email(answer, validate=False)
        except ValueError as error:
            raise LockError(
                f"the metadata of {_called(source)} cannot be read", why=str(error)
            ) from error

    def refuse_rust(self, name: str, builders: Sequence[str]) -> None:
        """Refuse a package that only Rust compiles, where there is none, before it is asked."""
        if any(name == canonicalize_name(each) for each in self._python.from_source):
            from omnibuild.blueprint.python.rust import refuse_rust

            refuse_rust(self._recipe, self._path, name, builders, self._components())

    def _components(self) -> Components:
        from omnibuild.blueprint.components import Components
        from omnibuild.recipe.software.choosing import choices

        profile = self._recipe.build.profile if self._recipe.build else None
        chosen = choices(self._definitions, self._recipe, self._path)
        return Components(self._definitions, self._root, profile, chosen)

    def _ask(self, source: Source, building: Sequence[Package], question: str) -> bytes:
        # Most locks ask nobody, and what plans and executes takes long to import.
        from omnibuild import pipeline
        from omnibuild.blueprint.python.builds import Builds
        from omnibuild.plan.graph import Plan

        components = self._components()
        interpreter = f"python-{self._python.version}"
        for name in (interpreter, *self._recipe.software):
            components.add(name)
        builds = Builds(
            self._recipe.app.name, self._python.version, components, self._recipe.software
        )
        name = source.name or self._recipe.app.name
        told: Mapping[str, str] = {}
        if source.sdist:
            origin = builds.fetch(source.sdist)
        else:
            origin, _ = builds.snapshot(name, source.directory)
            own = not source.name
            told = told_to(self._recipe, source.directory) if own else variables_of(source)
        backend = builds.backend(name, self.selected(building))
        goal = builds.wheel(name, origin, backend, told, needs_of(source.name), question)
        plan = Plan.of([*components.actions.values(), *builds.actions.values()])
        with pipeline.opened_store(self._settings) as store:
            # What fails there is no fault of the source, nor of its interpreter.
            beneath = Plan.of(action for action in plan if action.name != goal)
            wanted = {*plan.actions[goal].inputs.values()}
            pipeline.execute(self._settings, store, beneath, wanted, self._emit)
            try:
                outputs = pipeline.execute(self._settings, store, plan, [goal], self._emit)
            except StepError as error:
                raise not_built(source, self._python.version, error, question) from error
            return _only_file(store, outputs[goal])

    def _checked(self, source: Source, listed: Sequence[object]) -> list[Requirement]:
        try:
            return [checked(text) for text in listed if isinstance(text, str)]
        except NotARequirementError as error:
            raise LockError(
                f"the build backend of {_called(source)} asks for what nobody can provide",
                why=str(error),
                hint=error.hint,
            ) from error

    def selected(self, packages: Sequence[Package]) -> list[LockedFile]:
        """Return the best file of each package."""
        return selected(packages, self._python.version, self._glibc, self._indexes)


def not_built(source: Source, python: str, error: StepError, question: str) -> LockError:
    """Return the error for a source whose backend answers nothing.

    Args:
        source: what was asked.
        python: series of CPython that asked it.
        error: what it says.
        question: what it was asked: what its build ``requires``, or its ``metadata``.
    """
    remedy = (
        f"require another version of {source.name}, one with a wheel if there is one; or take"
        " another `version` in [python]"
        if source.name
        else "correct the project: no other tool could build a wheel of it, either"
    )
    called = _called(source)
    asking = f"the build of {called}" if question == "requires" else called
    problem = LockError(
        f"what {asking} requires only its own code says, and that fails under CPython {python}",
        why=f"{error.what}\n{error.why}",
        hint=error.hint
        if isinstance(error, MissingDependencyError)
        else f"{remedy}; what it links belongs into [software]",
    )
    # Whoever has the project mends it there; a package may be too old for this CPython.
    said = f"{called}: {_last_said(error.why) or error.what}"
    return problem.but_for_another(said) if source.name else problem


def _last_said(why: str) -> str:
    """Return the last line of a backend's own: below are its frontend's, and where the log is."""
    lines = map(str.strip, why.splitlines())
    own = [each for each in lines if each and not each.startswith(_NOT_OF_BACKEND)]
    return own[-1][:_LONGEST_REASON] if own else ""


def _called(source: Source) -> str:
    return f"{source.name} {source.version}".strip() if source.name else "the project"


def variables_of(source: Source) -> dict[str, str]:
    """Return the variables that tell a source its version."""
    return version_variables(source.name, source.told) if source.told else {}


def _only_file(store: Store, output: Output) -> bytes:
    (path,) = store.tree_directory(output.digest).iterdir()
    with path.open("rb") as stream:
        return stream.read(LARGEST)
