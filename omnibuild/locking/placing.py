"""Packages that no index has, while versions are resolved, and as a lock has them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import Marker
from packaging.metadata import Metadata
from packaging.pylock import Package, PackageDirectory
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.errors import DefinitionError, LockError, Where
from omnibuild.locking.asking import Source
from omnibuild.locking.standins import Told, write_stand_in
from omnibuild.recipe import located
from omnibuild.sources.git import version_of
from omnibuild.sources.python.backends import is_built
from omnibuild.sources.python.project.declared import (
    declared_identity,
    document_of,
    known_extras,
    project_requirements,
)
from omnibuild.sources.python.project.origins import Origin
from omnibuild.sources.python.project.rules import Rules


@dataclass
class Placing:
    """Packages with an origin of their own; to the resolver they are wheels that stand for them.

    Args:
        origins: where packages are, by name.
        base: the directory of the lock, which paths are relative to.
        scratch: an empty directory, for stand-ins.
        ask: asks the build of a source for its metadata.
    """

    origins: Mapping[str, Origin]
    base: Path
    scratch: Path
    ask: Callable[[Source], Metadata]
    _told: dict[str, tuple[Source, Told, Path]] = field(default_factory=dict)

    def resolve(
        self,
        requirements: Sequence[Requirement],
        rules: Rules,
        resolved: Callable[[Rules], list[Package]],
    ) -> list[Package]:
        """Return packages that satisfy requirements, those with an origin of their own among them.

        Which of them are needed turns out while resolving, so it is tried until nothing is new.
        """
        needed = {str(canonicalize_name(each.name)) for each in requirements} & self.origins.keys()
        while True:
            needed = self._with_inner(needed)
            placed = [Requirement(f"{name} @ {self._stand_in(name)}") for name in sorted(needed)]
            hidden = self.origins.keys() - needed
            try:
                found = resolved(rules.with_constraints(placed))
                new = {str(package.name) for package in found} & hidden
            except LockError as error:
                new = hidden & set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", error.why))
                if not new:
                    raise
            else:
                if not new:
                    return self.placed(found)
            needed |= new

    def placed(self, packages: Sequence[Package]) -> list[Package]:
        """Return packages as a lock has them: source trees for what stands for them.

        What is not built at all is required for what it requires alone.
        """
        found = []
        for each in packages:
            name = str(each.name)
            if not (each.directory or name in self._told):
                found.append(each)
                continue
            if name not in self.origins:
                what = f"{name} is pinned to a directory that the project does not name"
                raise LockError(what, hint="say in [tool.uv.sources] where it is")
            self._stand_in(name)
            if is_built(self._told[name][0].directory):
                found.append(self._package(name))
        return found

    def sources(self, packages: Sequence[Package]) -> list[Source]:
        """Return the source trees that are to be built among packages of a lock."""
        return [self._told[str(p.name)][0] for p in packages if p.directory]

    def _with_inner(self, needed: set[str]) -> set[str]:
        """Return names with those that their sources require, as far as no index is asked."""
        waiting, found = sorted(needed), set[str]()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                self._stand_in(name)
                requires = self._told[name][1].requires
                waiting += {str(canonicalize_name(e.name)) for e in requires} & self.origins.keys()
        return found

    def _package(self, name: str) -> Package:
        source, told, _ = self._told[name]
        own = {"version": told.version, **({"told": source.told} if source.told else {})}
        path = os.path.relpath(source.directory.resolve(), self.base.resolve())
        directory = PackageDirectory(path=path)
        return Package(name=canonicalize_name(name), directory=directory, tool={"omnibuild": own})

    def _stand_in(self, name: str) -> str:
        if name not in self._told:
            source = self._source(name)
            told = _static(source.directory) if source.told == "" else None
            if told is None:
                told = Told.of(self.ask(source)) if is_built(source.directory) else Told("0")
            path = write_stand_in(self.scratch, name, _lowered(told))
            self._told[name] = source, told, path
        return self._told[name][2].as_uri()

    def _source(self, name: str) -> Source:
        directory = self.origins[name].directory
        if not directory.is_dir():
            what = f"{name} is required, and its directory is not there"
            raise DefinitionError(what, where=Where(str(directory)))
        own, version = declared_identity(directory)
        if own and canonicalize_name(own) != name:
            what = f"{name} is required of this directory, and what is there is called {own}"
            raise DefinitionError(what, where=Where(str(directory)))
        return Source(name, directory, told="" if version else _git_version(directory))


def _git_version(directory: Path) -> str:
    """Return the version that a build by git would compute; empty where git knows none."""
    try:
        return version_of(directory)
    except DefinitionError:
        return ""


def _static(directory: Path) -> Told | None:
    """Return what a source tree declares; none where only its build says it."""
    document = document_of(directory)
    _, version = declared_identity(directory)
    requires, extras = project_requirements(directory), known_extras(directory)
    if document is None or not version or requires is None or extras is None:
        return None
    found = list(requires)
    optional = located.table_at(document.data, "project", "optional-dependencies")
    for extra, listed in optional.items():
        for text in listed:
            each = Requirement(text)
            also = f"extra == '{canonicalize_name(extra)}'"
            each.marker = Marker(f"({each.marker}) and {also}" if each.marker else also)
            found.append(each)
    python = located.value_at(document.data, "project", "requires-python")
    return Told(version, found, sorted(extras), python if isinstance(python, str) else "")


def _lowered(told: Told) -> Told:
    """Return the same without addresses: what has one has an origin, whoever requires it."""
    addressed = [each for each in told.requires if each.url]
    if addressed:
        raise LockError(
            f"{addressed[0]} is at an address, which is not obeyed",
            hint="let an index have it, or take it from a directory",
        )
    return told
