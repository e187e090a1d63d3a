"""Packages that no index has, while versions are resolved, and as a lock has them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.markers import Marker
from packaging.pylock import Package, PackageArchive, PackageDirectory, PackageVcs
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from omnibuild.digests import of_file
from omnibuild.errors import DefinitionError, DigestMismatchError, LockError, Where
from omnibuild.locking.asking import Source
from omnibuild.locking.standins import Told, write_stand_in
from omnibuild.recipe import located
from omnibuild.sources.git.asking import version_of
from omnibuild.sources.git.checkout import check_out, fetch_history
from omnibuild.sources.python.backends import is_built
from omnibuild.sources.python.pins.pins import Pins
from omnibuild.sources.python.project.declared import (
    declared_identity,
    document_of,
    known_extras,
    project_requirements,
)
from omnibuild.sources.python.project.origins import Origin, git_origin, origin_at
from omnibuild.sources.python.project.rules import Rules
from omnibuild.sources.snapshot import snapshot
from omnibuild.transfer.credentials import without_login
from omnibuild.transfer.http import Downloader

if TYPE_CHECKING:
    from packaging.metadata import Metadata


@dataclass(frozen=True)
class _Placed:
    """A package with an origin of its own: what it says, how a lock has it, where it is built."""

    told: Told
    package: Package
    source: Source | None = None
    path: Path = Path()


@dataclass
class Placing:
    """Packages with an origin of their own; to the resolver they are wheels that stand for them.

    Args:
        origins: where packages are, by name; those that they lead to are added.
        base: the directory of the lock, which paths are relative to.
        scratch: an empty directory, for stand-ins.
        ask: asks the build of a source for its metadata.
        ask_file: returns what a wheel or source distribution says.
        commits: names to revisions, as they were asked for, and the commits that are locked.
    """

    origins: dict[str, Origin]
    base: Path
    scratch: Path
    ask: Callable[[Source], Metadata]
    ask_file: Callable[[Package, Path], Metadata]
    commits: dict[str, tuple[str, str]] = field(default_factory=dict)
    _told: dict[str, _Placed] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # What a project says goes before what its packages say.
        self.said = frozenset(self.origins)

    def resolve(
        self,
        requirements: Sequence[Requirement],
        rules: Rules,
        resolved: Callable[[Sequence[Requirement], Rules], list[Package]],
    ) -> list[Package]:
        """Return packages that satisfy requirements, those with an origin of their own among them.

        Which of them are needed turns out while resolving, so it is tried until nothing is new.
        """
        requirements = [Requirement(str(each)) for each in requirements]
        self._lower(requirements)
        needed = {str(canonicalize_name(each.name)) for each in requirements} & self.origins.keys()
        while True:
            needed = self._with_inner(needed)
            placed = [Requirement(f"{name} @ {self._stand_in(name)}") for name in sorted(needed)]
            hidden = self.origins.keys() - needed
            try:
                found = resolved(requirements, rules.with_constraints(placed))
                new = {str(package.name) for package in found} & hidden
            except LockError as error:
                new = hidden & set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", error.why))
                if not new:
                    raise
            else:
                if not new:
                    return self.placed(found)
            needed |= new

    def adopt(self, pins: Pins) -> None:
        """Take the commits and files that the project's own lock has, and no others.

        Raises :class:`LockError` where the project says something else by now.
        """
        for each in (*pins.packages, *pins.elsewhere):
            name, known = str(each.name), self.origins.get(str(each.name))
            vcs, file, pinned = each.vcs, each.archive, None
            if file and file.url:
                pinned = Origin(address=file.url, sha256=file.hashes["sha256"])
            if vcs and vcs.url:
                word = vcs.requested_revision or ""
                self.commits[name] = (word, vcs.commit_id)
                pinned = git_origin(vcs.url, word, vcs.subdirectory or "")
            if pinned is None:
                continue
            if known and not known.allows(pinned):
                raise LockError(
                    f"{pins.file.name} does not fit the project any more",
                    where=Where(str(pins.file)),
                    why=f"{name} is {known} in the project, and it pins {pinned}",
                    hint=f"run: {pins.update}" if pins.update else "bring it up to date",
                )
            self.origins[name] = pinned
        # Also where the project itself requires them without an address.
        self._lower([Requirement(str(each)) for each in pins.requires])

    def placed(self, packages: Sequence[Package]) -> list[Package]:
        """Return packages as a lock has them: source trees for what stands for them.

        What is not built at all is required for what it requires alone.
        """
        found = []
        for each in packages:
            name = str(each.name)
            if not (each.directory or each.vcs or each.archive):
                found.append(each)
                continue
            if name not in self.origins:
                what = f"{name} is pinned to a directory that the project does not name"
                raise LockError(what, hint="say in [tool.uv.sources] where it is")
            self._stand_in(name)
            source = self._told[name].source
            if not source or is_built(source.directory):
                found.append(self._told[name].package)
        return found

    def sources(self, packages: Sequence[Package]) -> list[Source]:
        """Return the source trees that are to be built among packages of a lock."""
        placed = (self._told[str(each.name)] for each in packages if each.directory or each.vcs)
        return [each.source for each in placed if each.source]

    def _with_inner(self, needed: set[str]) -> set[str]:
        """Return names with those that their sources require, as far as no index is asked."""
        waiting, found = sorted(needed), set[str]()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                self._stand_in(name)
                requires = self._told[name].told.requires
                waiting += {str(canonicalize_name(e.name)) for e in requires} & self.origins.keys()
        return found

    def _stand_in(self, name: str) -> str:
        if name not in self._told:
            placed = self._placed(name, self.origins[name])
            self._lower(placed.told.requires)
            path = write_stand_in(self.scratch, name, placed.told)
            self._told[name] = replace(placed, path=path)
        return self._told[name].path.as_uri()

    def _placed(self, name: str, origin: Origin) -> _Placed:
        if origin.error:
            raise origin.error
        if origin.address:
            return self._of_file(name, origin)
        work, commit = origin.directory, ""
        if work is None:
            work = self.scratch / f"checkout-{name}"
            commit = check_out(origin.repository, self._commit(name, origin), work)
        directory = work / origin.subdirectory
        if not os.path.isdir(directory):
            what = f"{name} is required, and its directory is not there"
            raise DefinitionError(what, where=Where(str(directory)))
        own, version = declared_identity(directory)
        if own and canonicalize_name(own) != name:
            what = f"{name} is required of this directory, and what is there is called {own}"
            raise DefinitionError(what, where=Where(str(directory)))
        if commit and not version:
            fetch_history(work)
        source = Source(name, directory, told="" if version else _git_version(directory))
        told = _static(directory) if version else None
        if told is None:
            told = Told.of(self.ask(source)) if is_built(directory) else Told("0")
        return _Placed(told, self._package(source, told, origin, commit), source)

    def _commit(self, name: str, origin: Origin) -> str:
        """Return what to fetch: the commit that is locked already, if it is of the same word."""
        word, commit = self.commits.get(name, ("", ""))
        return commit if commit and word == origin.short else origin.revision

    def _package(self, source: Source, told: Told, origin: Origin, commit: str) -> Package:
        """Return a source tree as a lock has it."""
        own = {"version": told.version, **({"told": source.told} if source.told else {})}
        name = canonicalize_name(source.name)
        if origin.directory:
            path = os.path.relpath(source.directory.resolve(), self.base.resolve())
            place = PackageDirectory(path=path)
            return Package(name=name, directory=place, tool={"omnibuild": own})
        vcs = PackageVcs(
            type="git",
            url=without_login(origin.repository),
            requested_revision=origin.short or None,
            commit_id=commit,
            subdirectory=origin.subdirectory or None,
        )
        own["tree"] = snapshot(source.directory).digest
        return Package(name=name, vcs=vcs, tool={"omnibuild": own})

    def _of_file(self, name: str, origin: Origin) -> _Placed:
        """Return a wheel or source distribution at an address, pinned by what it is now."""
        path = self.scratch / f"file-{name}"
        with path.open("wb") as stream:
            Downloader().download(origin.address, stream, progress=lambda *_: None)
        digest = of_file(path)
        if origin.sha256 not in ("", digest):
            raise DigestMismatchError(
                f"{without_login(origin.address)} has other bytes than it is to have",
                why=f"expected sha256 {origin.sha256}, got {digest}",
            )
        file = PackageArchive(url=without_login(origin.address), hashes={"sha256": digest})
        package = Package(name=canonicalize_name(name), archive=file)
        told = Told.of(self.ask_file(package, path))
        return _Placed(told, replace(package, version=Version(told.version)))

    def _lower(self, requirements: Sequence[Requirement]) -> None:
        """Take addresses out of requirements; they are origins like those of the project."""
        for each in requirements:
            if each.url:
                self._add(each)

    def _add(self, requirement: Requirement) -> None:
        """Take the address out of a requirement; from now on it says where the package is."""
        name = str(canonicalize_name(requirement.name))
        if name in self.said:
            # Poetry's builds make addresses of paths, which lead nowhere where they are built.
            requirement.url = None
            return
        origin = origin_at(requirement.url or "")
        if origin is None:
            raise LockError(
                f"{requirement} is at an address that is not obeyed",
                hint="take a directory, git by https or ssh, or the URL of a file",
            )
        known = self.origins.setdefault(name, origin)
        if known.identity != origin.identity:
            raise LockError(f"{name} is required from {origin}, and is from {known} elsewhere")
        requirement.url = None


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
