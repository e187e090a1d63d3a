"""Packages that exist only as source: resolved like all others, once their own code was asked.

To the resolver each version of such a package is a wheel that says nothing but its metadata: at
first that it requires nothing. Of the versions that are chosen the sources are asked, in the
sandbox, and then it resolves again, until it has chosen only what was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.pylock import Package
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from omnibuild.errors import LockError
from omnibuild.locking.standins import Told, write_stand_in
from omnibuild.sources.python.project.rules import NO_RULES, Rules
from omnibuild.sources.python.resolving.resolve import Resolver
from omnibuild.sources.python.resolving.uv import OnlySourceError
from omnibuild.sources.python.simple import IndexFile

if TYPE_CHECKING:
    from packaging.metadata import Metadata

# A version is asked once, so each round asks one more at least; nothing known takes ten.
_MOST_ROUNDS = 50


@dataclass
class _StandIns:
    """Wheels that stand for source distributions, in a directory."""

    directory: Path
    names: set[str] = field(default_factory=set)
    asked: set[tuple[str, Version]] = field(default_factory=set)

    def add(self, name: str, versions: Mapping[Version, IndexFile]) -> None:
        """Let each version of a package require nothing, for now."""
        self.names.add(name)
        for version in versions:
            write_stand_in(self.directory, name, Told(str(version)))

    def tell(self, name: str, version: Version, metadata: Metadata) -> None:
        """Let a version require what its source says."""
        self.asked.add((name, version))
        write_stand_in(self.directory, name, replace(Told.of(metadata), version=str(version)))


def resolved_with_sources(
    resolver: Resolver,
    ask: Callable[[Package], Metadata],
    directory: Path,
    requirements: Sequence[Requirement],
    from_source: Sequence[str],
    kept: Mapping[str, str],
    rules: Rules = NO_RULES,
) -> list[Package]:
    """Resolve as :meth:`Resolver.resolve` does, with what exists only as source.

    Args:
        resolver: resolves.
        ask: returns the metadata of a package that is pinned as source.
        directory: an empty one.
        requirements: what must be satisfied.
        from_source: normalised names of packages that are compiled, with or without wheels.
        kept: names to versions that are taken rather than newer ones.
        rules: how it is resolved.

    Raises :class:`LockError` when there is no solution.
    """
    stand_ins = _StandIns(directory)
    from_source = [*from_source, *rules.from_source]
    for name in from_source:
        _stand_in(stand_ins, resolver, name)
    newest = _Newest(
        lambda more: resolver.resolve(more, from_source, kept, rules, directory), resolver, kept
    )
    for _ in range(_MOST_ROUNDS):
        try:
            found = resolver.resolve(requirements, from_source, kept, rules, directory)
            new = newest.needs(requirements, found) - stand_ins.names
        except OnlySourceError as error:
            new = set(error.names) - stand_ins.names
            if not new:
                raise
        for name in sorted(new):
            _stand_in(stand_ins, resolver, name)
        if new:
            continue
        unknown = [each for each in found if _is_unknown(each, stand_ins, resolver)]
        if not unknown:
            return found
        for package in unknown:
            stand_ins.tell(package.name, _version(package), ask(package))
    raise LockError(
        "no end of asking: each version leads to another one that exists only as source",
        hint=f"constrain {', '.join(sorted(stand_ins.names))} by `require` in [python]",
    )


@dataclass
class _Newest:
    """Finds what the newest versions of what is required need and what exists only as source.

    Nothing but wheels is known at first, so an older version, or one before its release, whose
    requirements all have wheels would be taken in silence.

    Args:
        resolve: resolves requirements with the stand-ins that there are.
        resolver: knows the versions.
        kept: names of packages that keep their versions.
    """

    resolve: Callable[[Sequence[Requirement]], object]
    resolver: Resolver
    kept: Mapping[str, str]
    known: dict[str, Version | None] = field(default_factory=dict)

    def needs(self, requirements: Sequence[Requirement], found: Sequence[Package]) -> set[str]:
        """Return names of packages without wheels for which newer versions were passed over."""
        # Of what comes from elsewhere no index is asked: there it may be a stranger's.
        indexed = [each for each in found if not (each.vcs or each.archive or each.directory)]
        versions = {each.name: each.version for each in indexed}
        for each in requirements:
            name, version = canonicalize_name(each.name), versions.get(canonicalize_name(each.name))
            newest = version and self._newest(name, each)
            if newest and version and (newest > version or version.is_prerelease):
                try:
                    self.resolve([*requirements, Requirement(f"{name}=={newest}")])
                except OnlySourceError as error:
                    return set(error.names)
                except LockError:
                    pass  # something else keeps it from being taken
                self.known[name] = None
        return set()

    def _newest(self, name: str, required: Requirement) -> Version | None:
        if name in self.kept or required.url or required.specifier.prereleases:
            return None
        if name not in self.known:
            versions = self.resolver.wheel_versions(name) | set(self.resolver.sources(name))
            self.known[name] = max(
                required.specifier.filter(versions, prereleases=False), default=None
            )
        return self.known[name]


def _stand_in(stand_ins: _StandIns, resolver: Resolver, name: str) -> None:
    """Add those versions of a package that have a source and no wheel."""
    have_wheels = resolver.wheel_versions(name)
    sources = resolver.sources(name)
    stand_ins.add(name, {v: file for v, file in sources.items() if v not in have_wheels})


def _is_unknown(package: Package, stand_ins: _StandIns, resolver: Resolver) -> bool:
    """Tell whether a package was chosen for metadata that nobody knows yet."""
    if package.sdist is None or package.name not in stand_ins.names:
        return False
    version = _version(package)
    return (
        package.name,
        version,
    ) not in stand_ins.asked and version not in resolver.wheel_versions(package.name)


def _version(package: Package) -> Version:
    if package.version is None:
        raise AssertionError(package.name)
    return package.version
