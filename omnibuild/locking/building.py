"""What builds the sources of a lock: the project, and each package that is pinned as source."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec
from packaging.pylock import Package
from packaging.requirements import Requirement

from omnibuild.locking.asking import Backends, Source
from omnibuild.recipe.lock import build_group
from omnibuild.recipe.lockfile import name_of
from omnibuild.recipe.models.needs import NO_NEEDS, source_needs
from omnibuild.sources.python.backends import (
    BuildSystem,
    build_system,
    holds,
    likeliest_first,
    missing_backend,
)
from omnibuild.sources.python.project.rules import NO_RULES, Rules
from omnibuild.sources.python.resolving.resolve import Resolver
from omnibuild.sources.python.sdists import needs_of

# What builds wheels calls the backends: a package is built with both.
_FRONTEND = Requirement("build")


def build_groups(
    sources: Sequence[Source],
    resolver: Resolver,
    backends: Backends,
    kept: Mapping[str, Mapping[str, str]],
    rules: Rules = NO_RULES,
) -> dict[str, list[Package]]:
    """Return what builds each source, by dependency group.

    Args:
        sources: of packages, and of the project.
        resolver: finds what builds them.
        backends: what to ask them by.
        kept: versions that stay, by dependency group.
        rules: how it is resolved.

    Raises:
        DefinitionError: a source says nothing valid, or names a backend that nothing brings.
        LockError: what it requires cannot be had.
    """
    systems = {source.name: build_system(source.directory) for source in sources}

    def resolved(source: Source, asked: Sequence[Requirement] = ()) -> list[Package]:
        requirements = [_FRONTEND, *systems[source.name].requires, *asked]
        own = kept.get(build_group(source.name), {})
        return resolver.resolve(requirements, kept=own, rules=rules)

    with ThreadPoolExecutor(max_workers=4) as pool:
        found = dict(zip(systems, pool.map(resolved, sources), strict=True))
    for source in sources:
        system = systems[source.name]
        backends.refuse_rust(source.name, [str(each.name) for each in found[source.name]])
        if not system.inside:
            _check_backend(source, system, found[source.name], backends)
        if not system.says_all and (asked := backends.requires(source, found[source.name])):
            found[source.name] = resolved(source, asked)
    return {build_group(name): packages for name, packages in found.items()}


def _check_backend(
    source: Source, system: BuildSystem, packages: Sequence[Package], backends: Backends
) -> None:
    """Raise unless one of the wheels has the backend, before anything is built with it.

    Most are called like their module, so one small download tells; building takes it anyway.
    """
    wheels = {str(package.name): package for package in packages if package.wheels}
    for name in likeliest_first(system, wheels):
        path = backends.wheel_of(wheels[name])
        if holds(path, system.module):
            return
    raise missing_backend(system, source.name or "the project")


def with_needs(package: Package) -> Package:
    """Return a package with what its source is known to be built with, if it is built here."""
    is_wheel = package.archive and name_of(package.archive).endswith(".whl")
    needs = needs_of(package.name)
    if package.wheels or is_wheel or needs == NO_NEEDS:
        return package
    tool = dict(package.tool or {})
    tool["omnibuild"] = {**tool.get("omnibuild", {}), **msgspec.to_builtins(needs)}
    return dataclasses.replace(package, tool=tool)


def told_of_needs(packages: Sequence[Package]) -> list[str]:
    """Say of each package that is compiled with components which these are, in a line."""
    found = []
    for package in packages:
        needs = source_needs(package.tool)
        if needs.needs:
            verb = "is" if len(needs.needs) == 1 else "are"
            found.append(f"{package.name} is compiled: {_spoken(needs.needs)} {verb} bundled")
    return found


def _spoken(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
