"""What builds the sources of a lock: the project, and each package that is pinned as source."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.requirements import Requirement

from omnibuild import pipeline
from omnibuild.blueprint.components import fetch_action
from omnibuild.events import Emit
from omnibuild.plan.graph import Plan
from omnibuild.recipe.lock import build_group
from omnibuild.settings import Settings
from omnibuild.sources.archive import at_most, unpack
from omnibuild.sources.python.backends import (
    BuildSystem,
    build_system,
    holds,
    likeliest_first,
    missing_backend,
)
from omnibuild.sources.python.resolve import Resolver
from omnibuild.store.results import Output
from omnibuild.store.store import Store

# What builds wheels calls the backends: a package is built with both.
_FRONTEND = Requirement("build")


@contextmanager
def source_trees(
    packages: Iterable[Package], settings: Settings, emit: Emit
) -> Iterator[Mapping[str, Path]]:
    """Yield the unpacked sources of all packages that are pinned as source, by name."""
    sdists = {str(each.name): each.sdist for each in packages if each.sdist}
    if not sdists:
        yield {}
        return
    with (
        pipeline.opened_store(settings) as store,
        tempfile.TemporaryDirectory(prefix="omnibuild-sources-") as scratch,
    ):
        files = fetched(sdists, settings, store, emit)
        trees = {}
        for name, archive in files.items():
            # Errors name the file that it is in.
            trees[name] = Path(scratch) / sdists[name].filename
            unpack(archive, trees[name], limits=at_most(settings.unpacked))
        yield trees


def fetched(
    files: Mapping[str, PackageSdist] | Mapping[str, PackageWheel],
    settings: Settings,
    store: Store,
    emit: Emit,
) -> dict[str, Path]:
    """Return where files of packages are, once they are in the store."""
    digests = {name: file.hashes["sha256"] for name, file in files.items()}
    actions = [
        fetch_action(
            digests[name],
            [*([file.url] if file.url else []), f"index:{name}/{file.filename}"],
            file.filename,
        )
        for name, file in files.items()
        if not store.take(Output("blob", digests[name]))
    ]
    if actions:
        goals = [action.name for action in actions]
        pipeline.execute(settings, store, Plan.of(actions), goals, emit)
    return {name: store.blob(digests[name]) for name in files}


def build_groups(
    sources: Mapping[str, Path],
    resolver: Resolver,
    kept: Mapping[str, Mapping[str, str]],
    settings: Settings,
    emit: Emit,
) -> dict[str, list[Package]]:
    """Return what builds each source, by dependency group.

    Args:
        sources: name of a package to its unpacked source; the project has none.
        resolver: finds the packages.
        kept: versions that stay, by dependency group.
        settings: where the store is.
        emit: takes events.

    Raises:
        DefinitionError: a source says nothing valid, or names a backend that nothing brings.
        LockError: what it requires cannot be had.
    """
    systems = {name: build_system(tree) for name, tree in sources.items()}

    def resolved(name: str) -> list[Package]:
        requirements = [_FRONTEND, *systems[name].requires]
        return resolver.resolve(requirements, kept=kept.get(build_group(name), {}))

    with ThreadPoolExecutor(max_workers=4) as pool:
        found = dict(zip(systems, pool.map(resolved, systems), strict=True))
    for name, system in systems.items():
        if not system.inside:
            _check_backend(name, system, found[name], settings, emit)
    return {build_group(name): packages for name, packages in found.items()}


def _check_backend(
    name: str, system: BuildSystem, packages: Sequence[Package], settings: Settings, emit: Emit
) -> None:
    """Raise unless one of the wheels has the backend, before anything is built with it.

    Most are called like their module, so one small download tells; building takes it anyway.
    """
    wheels = {str(package.name): package.wheels[0] for package in packages if package.wheels}
    with pipeline.opened_store(settings) as store:
        for each in likeliest_first(system, wheels):
            (path,) = fetched({each: wheels[each]}, settings, store, emit).values()
            if holds(path, system.module):
                return
    raise missing_backend(system, name or "the project")
