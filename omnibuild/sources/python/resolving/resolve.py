"""Resolving an app's Python packages into a lock (PEP 751): versions by uv, then their files."""

from __future__ import annotations

import contextlib
import io
import os
import re
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType

from packaging.pylock import Package, PackageSdist
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from omnibuild.errors import LockError, SourceError
from omnibuild.recipe.wheeltags import applies, full_version, supported_tags
from omnibuild.sources.python.indexes import ONE, Index, Indexes
from omnibuild.sources.python.machine import machine_indexes
from omnibuild.sources.python.project.rules import NO_RULES, Rules
from omnibuild.sources.python.resolving.files import (
    address,
    is_stand_in,
    pinned_sdist,
    usable_wheels,
)
from omnibuild.sources.python.resolving.reaching import Reaching
from omnibuild.sources.python.resolving.uv import Answer, Question, Uv
from omnibuild.sources.python.simple import IndexFile, page_of, read_page
from omnibuild.transfer.credentials import Credentials
from omnibuild.transfer.http import Downloader, StatusError

# Bytes of the metadata of a wheel that are read.
_LARGEST = 8 << 20


class Resolver:
    """Resolves requirements for CPython ``python`` on the target; threads may share one.

    What the index said once holds for all its resolutions: uv's cache is its own, and new.

    Args:
        python: series, as ``3.13``.
        glibc: highest version that wheels may need, as ``2.31``.
        directory: an empty one, for uv's cache.
        environment: where the index and the way to it are looked up.
        indexes: which ones are asked, the machine's own and others.

    Raises:
        HostError: the environment asks for what is not obeyed.
    """

    def __init__(
        self,
        python: str,
        glibc: str,
        directory: Path,
        environment: Mapping[str, str] = os.environ,
        indexes: Indexes = ONE,
    ) -> None:
        self.python, self.glibc = python, glibc
        self._downloader = Downloader(credentials=Credentials(environment))
        self.machine = machine_indexes(environment, resolving=True)
        self._indexes = indexes.on(self.machine.index, self.machine.more)
        self._reaching = Reaching(self._indexes, self.machine, self._downloader)
        for index in self._indexes.all():
            self._downloader.credentials.learn(index.url, index.name)
        credentials = self._downloader.credentials
        self._uv = Uv(python, glibc, directory, environment, self._indexes, credentials)
        self._usable = set(supported_tags(python, glibc))
        self._pages: dict[str, tuple[Index, dict[str, IndexFile]]] = {}
        self._lock = threading.Lock()

    def resolve(
        self,
        requirements: Sequence[Requirement],
        from_source: Sequence[str] = (),
        kept: Mapping[str, str] = MappingProxyType({}),
        rules: Rules = NO_RULES,
        links: Path | None = None,
    ) -> list[Package]:
        """Return packages that satisfy requirements, each with its files, in order of names.

        Args:
            requirements: what an index must satisfy.
            from_source: normalised names of packages that are compiled from their sdist.
            kept: names to versions that are taken rather than newer ones.
            rules: how it is resolved.
            links: a directory with wheels that stand for what exists only as source.

        Raises:
            OnlySourceError: some exist only as source.
            LockError: they cannot be satisfied together.
        """
        answer = self._ask(Question(requirements, kept, rules, links))
        found = self.with_files(answer.lock.packages, from_source, links)
        self._check_extras(requirements, found, answer.missing)
        return found

    def with_files(
        self,
        packages: Iterable[Package],
        from_source: Sequence[str] = (),
        links: Path | None = None,
    ) -> list[Package]:
        """Return packages with those of their files that can be used, in order of names.

        Args:
            packages: with all their wheels, and perhaps their source.
            from_source: names of those that are compiled; so is what has no usable wheel, and whose
                source is known.
            links: a directory with wheels that are none: what they stand for is compiled, too.

        Raises:
            LockError: a package has no usable file.
        """
        found = []
        # A lock is for one environment: what markers say is known, and need not stay.
        needed = (each for each in packages if applies(each.marker, self.python, groups=()))
        for package in sorted(needed, key=lambda each: each.name):
            if package.archive or package.directory or package.vcs:  # no index has it
                found.append(package)
                continue
            compiled = package.name in from_source or is_stand_in(package, links)
            wheels = [] if compiled else usable_wheels(package, self._usable)
            if not wheels and not compiled and not package.sdist:
                what = f"{package.name} {package.version} has no wheel that could be used"
                hint = f"it must be for CPython {self.python} and glibc {self.glibc} or older"
                raise LockError(what, hint=hint).but_for_another()
            known = None if wheels else package.sdist
            sdist = pinned_sdist(package, known) if known else None
            if not wheels and not sdist:
                sdist = self._sdist(package)
            found.append(
                Package(
                    name=package.name,
                    version=package.version,
                    sdist=sdist,
                    wheels=wheels or None,
                    index=self._index_of(package),
                )
            )
        return found

    def sources(self, name: str) -> dict[Version, IndexFile]:
        """Return the source distributions of a package that may be taken, by version."""
        found: dict[Version, IndexFile] = {}
        for file in self._page(name).values():
            try:
                project, version = parse_sdist_filename(file.name)
                fits = SpecifierSet(file.requires_python).contains(full_version(self.python))
            except ValueError:  # a wheel, or something older than the standards
                continue
            if project == canonicalize_name(name) and fits and file.sha256 and not file.yanked:
                found.setdefault(version, file)
        return found

    def newest(self, name: str) -> tuple[Version, str] | None:
        """Return the newest release of a package, and the versions of Python that it is for."""
        found: dict[Version, str] = {}
        for file in self._page(name).values():
            with contextlib.suppress(ValueError):
                is_wheel = file.name.endswith(".whl")
                parsed = (parse_wheel_filename if is_wheel else parse_sdist_filename)(file.name)
                if not (file.yanked or parsed[1].is_prerelease):
                    found[parsed[1]] = file.requires_python
        return max(found.items(), default=None)

    def wheel_versions(self, name: str) -> set[Version]:
        """Return the versions of a package that have a wheel which can be used."""
        found = set()
        for file in self._page(name).values():
            try:
                _, version, _, tags = parse_wheel_filename(file.name)
                fits = SpecifierSet(file.requires_python).contains(full_version(self.python))
            except ValueError:
                continue
            if self._usable & tags and fits and not file.yanked:
                found.add(version)
        return found

    def _ask(self, question: Question) -> Answer:
        """Return uv's answer, in which each package is from the index that it is pinned to.

        uv looks there only for what is required of itself, so that is what such a package becomes,
        once it turns out to be needed.
        """
        asked = {str(canonicalize_name(each.name)) for each in question.requirements}
        self._reaching.start(asked)
        while True:
            hidden = self._indexes.pinned.keys() - asked
            try:
                answer = self._uv.ask(question, self._reaching.failed)
                new = {str(package.name) for package in answer.lock.packages} & hidden
                if not new:
                    return answer
            except LockError as error:
                self._reaching.check()
                told = set(re.findall(r"[a-z0-9]+(?:-[a-z0-9]+)*", error.why))
                new = hidden & told
                if not new:
                    # uv passes over an index that does not answer it, and says nothing of that.
                    for name in sorted(told & {*self._indexes.pinned, *asked}):
                        self._found(name)
                    raise
            asked |= new
            more = (Requirement(name) for name in sorted(new))
            question = replace(question, requirements=(*question.requirements, *more))

    def _index_of(self, package: Package) -> str | None:
        """Return the address of the index that has a package; none of the machine's own."""
        if package.index:
            return self._indexes.foreign(package.index)
        candidates = self._indexes.of(package.name)
        index = candidates[0] if len(candidates) == 1 else self._found(package.name)[0]
        return self._indexes.foreign(index.url)

    def _page(self, name: str) -> dict[str, IndexFile]:
        return self._found(name)[1]

    def _found(self, name: str) -> tuple[Index, dict[str, IndexFile]]:
        """Return the index that has a package, and its files there."""
        with self._lock:
            if name not in self._pages:
                self._pages[name] = self._find(name)
            return self._pages[name]

    def _find(self, name: str) -> tuple[Index, dict[str, IndexFile]]:
        for index in self._indexes.of(name):
            try:
                return index, read_page(page_of(index.url, name), self._downloader)
            except StatusError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
        return index, {}  # nobody has such a package, which whoever needs it says

    def _sdist(self, package: Package) -> PackageSdist:
        """Return the source distribution that the index has of a package's version."""
        for file in self._page(package.name).values():
            try:
                found = parse_sdist_filename(file.name)
            except ValueError:
                continue
            if found == (canonicalize_name(package.name), package.version) and file.sha256:
                url, hashes = address(file.url), {"sha256": file.sha256}
                return PackageSdist(name=file.name, url=url, hashes=hashes)
        raise LockError(
            f"{package.name} {package.version} has no source distribution to compile",
            hint="take it out of `from-source` in [python]",
        )

    def _check_extras(
        self,
        asked: Iterable[Requirement],
        found: Iterable[Package],
        missing: Collection[tuple[str, str]],
    ) -> None:
        """Raise :class:`LockError` when somebody asks for an extra that a package has not.

        What packages ask of each other may be out of date, and hurts nobody.
        """
        versions = {package.name: package for package in found}
        for each in asked:
            name = canonicalize_name(each.name)
            for extra in sorted(map(canonicalize_name, each.extras)):
                if (name, extra) in missing and name in versions:
                    known = self._extras(versions[name])
                    raise LockError(
                        f"{name} {versions[name].version} has no extra `{extra}`",
                        why=f"required: {each}",
                        hint=f"it has {', '.join(known)}" if known else "take the extra out",
                    )

    def _extras(self, package: Package) -> list[str]:
        """Return the extras of a package, as far as the index tells without its files."""
        from packaging.metadata import Metadata  # few ask for extras that are not there

        for wheel in package.wheels or ():
            body = io.BytesIO()
            with contextlib.suppress(SourceError):
                place = f"{self._page(package.name)[wheel.filename].url}.metadata"
                self._downloader.download(place, body, progress=lambda *_: None, most=_LARGEST)
                found = Metadata.from_email(body.getvalue(), validate=False).provides_extra
                return sorted(map(canonicalize_name, found or ()))
        return []
