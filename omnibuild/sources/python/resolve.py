"""Resolving an app's Python packages into a lock (PEP 751): versions by uv, then their files."""

from __future__ import annotations

import contextlib
import io
import os
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType

from packaging.metadata import Metadata
from packaging.pylock import Package, PackageSdist, PackageWheel
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from omnibuild.errors import LockError, SourceError
from omnibuild.recipe.wheeltags import applies, full_version, supported_tags
from omnibuild.sources.python.index import find_index, refuse_other_indexes
from omnibuild.sources.python.simple import IndexFile, page_of, read_page
from omnibuild.sources.python.uv import Question, Uv
from omnibuild.transfer.http import Downloader, StatusError, without_password

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

    Raises:
        HostError: the environment asks for what is not obeyed.
    """

    def __init__(
        self,
        python: str,
        glibc: str,
        directory: Path,
        environment: Mapping[str, str] = os.environ,
    ) -> None:
        refuse_other_indexes(environment)
        self.python, self.glibc = python, glibc
        self._index = find_index(environment)
        self._uv = Uv(python, glibc, directory, environment, self._index)
        self._usable = set(supported_tags(python, glibc))
        self._pages: dict[str, dict[str, IndexFile]] = {}
        self._lock = threading.Lock()

    def resolve(
        self,
        requirements: Sequence[Requirement],
        from_source: Sequence[str] = (),
        kept: Mapping[str, str] = MappingProxyType({}),
        constraints: Sequence[Requirement] = (),
        links: Path | None = None,
    ) -> list[Package]:
        """Return packages that satisfy requirements, each with its files, in order of names.

        Args:
            requirements: what an index must satisfy.
            from_source: normalised names of packages that are compiled from their sdist.
            kept: names to versions that are taken rather than newer ones.
            constraints: what holds for versions of whatever is needed.
            links: a directory with wheels that stand for what exists only as source.

        Raises:
            OnlySourceError: some exist only as source.
            LockError: they cannot be satisfied together.
        """
        answer = self._uv.ask(Question(requirements, kept, constraints, links))
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
            compiled = package.name in from_source or _is_stand_in(package, links)
            wheels = [] if compiled else _wheels(package, self._usable)
            if not wheels and not compiled and not package.sdist:
                what = f"{package.name} {package.version} has no wheel that could be used"
                hint = f"it must be for CPython {self.python} and glibc {self.glibc} or older"
                raise LockError(what, hint=hint)
            known = None if wheels else package.sdist
            sdist = _pinned(package, known) if known else None
            if not wheels and not sdist:
                sdist = self._sdist(package)
            found.append(
                Package(
                    name=package.name,
                    version=package.version,
                    sdist=sdist,
                    wheels=wheels or None,
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

    def wheel_versions(self, name: str) -> set[Version]:
        """Return the versions of a package that have a wheel which can be used."""
        found = set()
        for file in self._page(name):
            try:
                _, version, _, tags = parse_wheel_filename(file)
            except ValueError:
                continue
            if self._usable & tags:
                found.add(version)
        return found

    def _page(self, name: str) -> dict[str, IndexFile]:
        with self._lock:
            if name not in self._pages:
                self._pages[name] = self._read_page(name)
            return self._pages[name]

    def _read_page(self, name: str) -> dict[str, IndexFile]:
        try:
            return read_page(page_of(self._index, name), Downloader())
        except StatusError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return {}  # it has no such package, which whoever needs it says

    def _sdist(self, package: Package) -> PackageSdist:
        """Return the source distribution that the index has of a package's version."""
        for file in self._page(package.name).values():
            try:
                found = parse_sdist_filename(file.name)
            except ValueError:
                continue
            if found == (canonicalize_name(package.name), package.version) and file.sha256:
                url, hashes = _address(file.url), {"sha256": file.sha256}
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
        for wheel in package.wheels or ():
            body = io.BytesIO()
            with contextlib.suppress(SourceError):
                address = f"{self._page(package.name)[wheel.filename].url}.metadata"
                Downloader().download(address, body, progress=lambda *_: None, most=_LARGEST)
                found = Metadata.from_email(body.getvalue(), validate=False).provides_extra
                return sorted(map(canonicalize_name, found or ()))
        return []


def _is_stand_in(package: Package, links: Path | None) -> bool:
    return links is not None and any(
        (wheel.url or "").startswith(links.as_uri())
        or (wheel.path and (links / wheel.filename).exists())
        for wheel in package.wheels or ()
    )


def _wheels(package: Package, usable: set[Tag]) -> list[PackageWheel]:
    """Return the wheels of a package that can be used, always in the same order."""
    found = [
        PackageWheel(name=wheel.filename, url=_address(wheel.url), hashes=_digest(package, wheel))
        for wheel in package.wheels or ()
        if usable & parse_wheel_filename(wheel.filename)[-1]
    ]
    return sorted(found, key=lambda wheel: wheel.filename)


def _pinned(package: Package, sdist: PackageSdist) -> PackageSdist:
    return PackageSdist(
        name=sdist.filename, url=_address(sdist.url), hashes=_digest(package, sdist)
    )


def _digest(package: Package, file: PackageWheel | PackageSdist) -> dict[str, str]:
    if "sha256" not in file.hashes:
        raise LockError(f"the index has no SHA-256 digest of {file.filename}, of {package.name}")
    return {"sha256": file.hashes["sha256"]}


def _address(url: str | None) -> str | None:
    """Return where a file was, without a password: a lock is for everybody."""
    return without_password(url) if url else None
