"""From a recipe to its lock: one resolution of what runs, one for each source of what builds it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from packaging.pylock import Package, Pylock
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild import events, files
from omnibuild.blueprint.platforms import chosen_platforms, lowest_glibc
from omnibuild.blueprint.versions import read_recipe
from omnibuild.blueprint.wanted import Wanted, wanted
from omnibuild.errors import DefinitionError, LockError, UsageError, Where
from omnibuild.events import Emit
from omnibuild.locking.asking import Backends, Source
from omnibuild.locking.building import build_groups, with_needs
from omnibuild.locking.groups import beside, merged
from omnibuild.locking.indexes import refuse_moved, tell_unasked, used, words_of
from omnibuild.locking.placing import Placing
from omnibuild.locking.remembering import check_writable, remember, with_required
from omnibuild.locking.running import running, told
from omnibuild.locking.sources_only import resolved_with_sources
from omnibuild.locking.standins import metadata_of
from omnibuild.locking.text import written
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.lock import NODE, RUN, Lock, build_group, load_lock, lock_path
from omnibuild.recipe.models import Python, Recipe
from omnibuild.recipe.whereabouts import word_for
from omnibuild.settings import Settings
from omnibuild.sources.python.pins.finding import read_pins
from omnibuild.sources.python.pins.pins import Pins
from omnibuild.sources.python.project.declared import declared_identity
from omnibuild.sources.python.project.rules import Rules
from omnibuild.sources.python.resolving.resolve import Resolver
from omnibuild.sources.scratch import OF_UV, quick

if TYPE_CHECKING:
    from packaging.metadata import Metadata


@dataclass(frozen=True)
class Asked:
    """What somebody wants of a lock besides that it fits.

    Args:
        require: what to add to the recipe's own requirements (PEP 508).
        upgrade: names of packages that may have newer versions than are locked; ``""``: all.
    """

    require: Sequence[str] = ()
    upgrade: Sequence[str] = ()


@dataclass(frozen=True)
class Locked:
    """A lock that was made, and not written yet.

    Args:
        path: where it belongs.
        content: what is in it.
        recipe: the recipe's file.
        required: what the recipe is to require in ``[python]`` from now on.
        pins: the file of the project that says which versions.
    """

    path: Path
    content: Pylock
    recipe: Path
    required: tuple[str, ...]
    pins: Path | None

    def write(self) -> None:
        """Write the lock, and what it was asked to require into the recipe."""
        remember(self.recipe, self.required)
        files.write_atomic(self.path, written(self.content))


def lock(settings: Settings, name: str, emit: Emit, asked: Asked = Asked()) -> Locked:
    """Resolve what an app runs with, and what its sources are built with.

    Versions that are locked stay where they still fit. Of the plans that its questions take no end
    is told: it is the lock that people wait for.

    Args:
        settings: where definitions and the store are.
        name: the recipe's name.
        emit: takes events.
        asked: what to require and to upgrade.

    Raises:
        DefinitionError: the recipe or the project says nothing that can be locked.
        LockError: it cannot be resolved.
    """

    def within(event: events.Event) -> None:
        if not isinstance(event, events.Finished):
            emit(event)

    definitions = Definitions(settings.workspace)
    recipe, path = read_recipe(definitions, name)
    python = _python(recipe, path)
    check_writable(path, settings.workspace)
    python = msgspec.structs.replace(python, require=with_required(python.require, asked.require))
    recipe = msgspec.structs.replace(recipe, python=python)
    now, target = wanted(recipe, path), lock_path(recipe, path)
    platforms = chosen_platforms(definitions, recipe, ())
    glibc, root = lowest_glibc(platforms), platforms[0].root
    pins = _pins(now, python.version)
    kept = _kept(target, python.version, asked, pins)
    with tempfile.TemporaryDirectory(prefix="omnibuild-lock-") as scratch, quick(OF_UV) as cache:
        resolver = Resolver(python.version, glibc, cache, indexes=now.rules.indexes)
        tell_unasked(resolver.machine, emit)
        of_machine = words_of(resolver.machine)
        indexes = (*of_machine, *now.rules.index_words())
        backends = Backends(
            settings, definitions, recipe, path, python, root, glibc, indexes, within
        )
        base, commits = target.parent, _commits(target, asked)
        making = _Making(now, pins, resolver, backends, kept, Path(scratch), base, commits)
        with events.work(emit, f"resolve:{recipe.app.name}", "resolve"):
            groups = making.groups()
    groups = {group: [beside(each, base) for each in listed] for group, listed in groups.items()}
    groups[RUN] = list(map(with_needs, groups[RUN]))
    packages = list(chain.from_iterable(groups.values()))
    refuse_moved(target, packages, indexes)
    record = msgspec.structs.replace(now.record, machine_indexes=used(of_machine, packages))
    return Locked(target, merged(groups, python.version, record), path, python.require, now.pins)


def check(settings: Settings, name: str) -> Lock:
    """Return an app's lock, once it is known to be valid and to fit the recipe and its project.

    Raises :class:`LockError` that says what is stale.
    """
    definitions = Definitions(settings.workspace)
    recipe, path = read_recipe(definitions, name)
    python = _python(recipe, path)
    found = load_lock(lock_path(recipe, path), f"omnibuild lock {word_for(path)}")
    found.check(wanted(recipe, path).record)
    glibc = lowest_glibc(chosen_platforms(definitions, recipe, ()))
    for group in (RUN, *(found.content.dependency_groups or ())):
        found.select(python.version, glibc, group)
    return found


def _python(recipe: Recipe, path: Path) -> Python:
    if not recipe.python:
        raise DefinitionError(
            f"{recipe.app.name} has no Python packages to lock", where=Where(str(path))
        )
    return recipe.python


def _pins(now: Wanted, python: str) -> Pins | None:
    return (
        read_pins(now.pins, python, now.project, now.choice) if now.pins and now.project else None
    )


@dataclass(frozen=True)
class _Making:
    """A lock while it is made: what is wanted, and who finds and tells it."""

    now: Wanted
    pins: Pins | None
    resolver: Resolver
    backends: Backends
    kept: Mapping[str, Mapping[str, str]]
    scratch: Path
    base: Path
    commits: Mapping[str, tuple[str, str]]

    @cached_property
    def placing(self) -> Placing:
        """What has an origin of its own."""
        stand_ins = Path(tempfile.mkdtemp(dir=self.scratch))
        origins = dict(self.now.origins)
        placing = Placing(
            origins, self.base, stand_ins, self._metadata, self._metadata_in, dict(self.commits)
        )
        if self.pins:
            placing.adopt(self.pins)
        return placing

    def groups(self) -> dict[str, list[Package]]:
        """Return the packages of each dependency group."""
        now = self.now
        project = [Source("", now.project)] if now.project and now.built else []
        groups = self._build_groups(project)

        def ask_project() -> list[Requirement]:
            metadata = self.backends.metadata(project[0], groups[build_group()])
            return told(metadata, now.choice.extras, self.resolver.python)

        groups[RUN] = running(
            now,
            self.pins,
            self.resolver,
            self._resolve,
            self.kept.get(RUN, {}),
            ask_project,
            self.placing.placed,
        )
        if now.node:
            groups[NODE] = self.resolver.resolve(now.node, kept=self.kept.get(NODE, {}))
        with self.backends.unpacked(groups[RUN]) as sources:
            groups |= self._build_groups([*sources, *self.placing.sources(groups[RUN])])
        return groups

    def _build_groups(self, sources: Sequence[Source]) -> dict[str, list[Package]]:
        rules = Rules(constraints=self.now.rules.building)
        return build_groups(sources, self.resolver, self.backends, self.kept, rules)

    def _resolve(
        self,
        requirements: Sequence[Requirement],
        from_source: Sequence[str],
        kept: Mapping[str, str],
        constraints: Sequence[Requirement] = (),
    ) -> list[Package]:
        def resolved(lowered: Sequence[Requirement], rules: Rules) -> list[Package]:
            links = Path(tempfile.mkdtemp(dir=self.scratch))
            return resolved_with_sources(
                self.resolver, self._ask, links, lowered, from_source, kept, rules
            )

        # Whoever requires the project gets it as it is built, and nothing else of that name.
        own = declared_identity(self.now.project)[0] if self.now.project and self.now.built else ""
        rules = self.now.rules.with_constraints(constraints).without(own)
        return self.placing.resolve(requirements, rules, resolved)

    def _ask(self, package: Package) -> Metadata:
        """Return what a package that is pinned as source says of itself."""
        with self.backends.unpacked([package]) as sources:
            return self._metadata(sources[0])

    def _metadata_in(self, package: Package, path: Path) -> Metadata:
        """Return what a file says, which is a wheel or a source distribution."""
        (file,) = self.backends.selected([package])
        return metadata_of(path) if file.name.endswith(".whl") else self._ask(package)

    def _metadata(self, source: Source) -> Metadata:
        groups = self._build_groups([source])
        return self.backends.metadata(source, groups[build_group(source.name)])


def _commits(path: Path, asked: Asked) -> dict[str, tuple[str, str]]:
    """Return the commits that are locked and stay, with the words that they were asked for by."""
    names = {canonicalize_name(name) for name in asked.upgrade if name}
    try:
        packages = load_lock(path).content.packages if path.exists() else ()
    except LockError:
        return {}
    return {
        package.name: (package.vcs.requested_revision or "", package.vcs.commit_id)
        for package in packages
        if package.vcs and "" not in asked.upgrade and package.name not in names
    }


def _kept(path: Path, python: str, asked: Asked, pins: Pins | None) -> dict[str, dict[str, str]]:
    """Return the versions that are locked and stay, by dependency group."""
    names = {canonicalize_name(name) for name in asked.upgrade if name}
    pinned = sorted(names & pins.versions.keys()) if pins else []
    if pins and pinned:
        raise UsageError(
            f"{pins.file.name} says which version of {', '.join(pinned)} is taken",
            hint=f"upgrade there: {pins.update}" if pins.update else "change it there",
        )
    try:
        locked = load_lock(path).versions(python) if path.exists() else {}
    except LockError:
        # It is made anew, and nothing in it can be relied upon.
        locked = {}
    unknown = sorted(names.difference(*locked.values(), _commits(path, Asked())))
    if unknown:
        raise UsageError(
            f"--upgrade names what is not locked: {', '.join(unknown)}",
            hint="to upgrade all: omnibuild lock RECIPE --upgrade",
        )
    if "" in asked.upgrade:
        return {}
    return {
        group: {name: version for name, version in packages.items() if name not in names}
        for group, packages in locked.items()
    }
