"""Resolving an app's Python packages into a lock (PEP 751), by uv.

Nothing of a package runs: uv sees wheels alone, whose metadata is a file. And nothing but the
arguments decides what is locked: neither uv's configuration and defaults, nor the directory that
it is called in, whose own interpreter it would start.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock, PylockValidationError
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from omnibuild.architectures import TARGET
from omnibuild.errors import LockError, ToolFailedError
from omnibuild.recipe.wheeltags import applies, full_version, supported_tags
from omnibuild.sources.python.index import find_index, refuse_other_indexes, uv
from omnibuild.sources.python.simple import IndexFile, page_of, read_page
from omnibuild.tools import CLEAN_ENVIRONMENT
from omnibuild.transfer.http import Downloader, StatusError, without_password

# How to reach the index; nothing else of the caller's environment counts.
_NETWORK = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")

# What would otherwise be uv's defaults, which may change: each decides what is locked.
_SETTINGS = (
    *("--no-config", "--no-build", "--no-sources", "--keyring-provider", "disabled"),
    *("--resolution", "highest", "--prerelease", "if-necessary-or-explicit"),
    *("--index-strategy", "first-index"),
)
# uv says so of each package that has no wheel which could be used.
_ONLY_SOURCE = re.compile(r"[Ww]heels are required for `([A-Za-z0-9._-]+)`")
_KEPT = 'lock-version = "1.0"\ncreated-by = "omnibuild"\n'
_KEPT_PACKAGE = '[[packages]]\nname = "{}"\nversion = "{}"\n'


class OnlySourceError(LockError):
    """Packages have no wheel that could be used; ``names`` are theirs."""

    names: tuple[str, ...] = ()


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
        self._directory, self._environment = directory, environment
        self._index = find_index(environment)
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
        resolved = self._ask_uv(requirements, kept, constraints, links)
        return self.with_files(resolved.packages, from_source, links)

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

    def _ask_uv(
        self,
        requirements: Sequence[Requirement],
        kept: Mapping[str, str],
        constraints: Sequence[Requirement],
        links: Path | None,
    ) -> Pylock:
        names = {name for each in _NETWORK for name in (each, each.lower())}
        scratch = Path(tempfile.mkdtemp(dir=self._directory))
        (scratch / "constraints.txt").write_text("\n".join(map(str, constraints)))
        # uv keeps the versions of the file that it is about to write.
        output = scratch / "pylock.toml"
        if kept:
            output.write_text(_KEPT + "".join(_KEPT_PACKAGE.format(*item) for item in kept.items()))
        try:
            uv().run(
                *("pip", "compile", "--quiet", "--no-header", "--format", "pylock.toml"),
                *_SETTINGS,
                *("--cache-dir", self._directory / "cache"),
                *("--python", sys.executable, "--python-version", self.python),
                *("--python-platform", f"{TARGET.wheels}-manylinux_{self.glibc.replace('.', '_')}"),
                *(("--find-links", links) if links else ()),
                *("--constraints", scratch / "constraints.txt", "--output-file", output, "-"),
                data="\n".join(map(str, requirements)).encode(),
                # By the environment, because everybody sees arguments, and it may hold a password.
                environment={
                    **{n: self._environment[n] for n in names if n in self._environment},
                    **CLEAN_ENVIRONMENT,
                    "UV_DEFAULT_INDEX": self._index,
                    "TMPDIR": str(self._directory),
                },
                directory=self._directory,
            )
        except ToolFailedError as error:
            said = error.why.partition("\n")[2]
            raise _unresolved([*requirements, *constraints], said) from error
        try:
            return Pylock.from_dict(tomllib.loads(output.read_text()))
        except (ValueError, PylockValidationError) as error:
            raise LockError("the index's answers make no valid lock", why=str(error)) from error


def _unresolved(requirements: Sequence[Requirement], said: str) -> LockError:
    """Return the error for what uv could not resolve."""
    why = f"required: {', '.join(map(str, requirements))}\n{said}"
    names = sorted(set(_ONLY_SOURCE.findall(said)))
    if not names:
        hint = "relax a requirement, or check the network"
        return LockError("these packages cannot be resolved together", why=why, hint=hint)
    error = OnlySourceError(
        f"{', '.join(names)} can be had only as source",
        why=why,
        hint=f"require a version that has a wheel, or serve a wheel of {names[0]} from an index of"
        " your own, which OMNIBUILD_INDEX_URL names",
    )
    error.names = tuple(names)
    return error


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
