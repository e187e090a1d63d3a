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
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock, PylockValidationError
from packaging.requirements import Requirement
from packaging.tags import Tag
from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename

from omnibuild.architectures import TARGET
from omnibuild.errors import LockError, ToolFailedError
from omnibuild.recipe.wheeltags import supported_tags
from omnibuild.sources.python.index import find_index, page_of, read_page, refuse_other_indexes, uv
from omnibuild.tools import CLEAN_ENVIRONMENT
from omnibuild.transfer.http import Downloader, without_password

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

    def resolve(
        self,
        requirements: Sequence[Requirement],
        from_source: Sequence[str] = (),
        kept: Mapping[str, str] = MappingProxyType({}),
        constraints: Sequence[Requirement] = (),
    ) -> list[Package]:
        """Return packages that satisfy requirements, each with its files, in order of names.

        Args:
            requirements: what an index must satisfy.
            from_source: normalised names of packages that are compiled from their sdist.
            kept: names to versions that are taken rather than newer ones.
            constraints: what holds for versions of whatever is needed.

        Raises:
            LockError: they cannot be satisfied together, or only by running a package's code.
        """
        resolved = self._ask_uv(requirements, kept, constraints)
        return self.with_files(resolved.packages, from_source)

    def with_files(
        self, packages: Iterable[Package], from_source: Sequence[str] = ()
    ) -> list[Package]:
        """Return packages with those of their files that can be used, in order of names.

        Args:
            packages: with all their wheels, and perhaps their source.
            from_source: names of those that are compiled; so is what has no usable wheel, and whose
                source is known.

        Raises:
            LockError: a package has no usable file.
        """
        found = []
        for package in sorted(packages, key=lambda each: each.name):
            wheels = [] if package.name in from_source else _wheels(package, self._usable)
            if not wheels and package.name not in from_source and not package.sdist:
                what = f"{package.name} {package.version} has no wheel that could be used"
                hint = f"it must be for CPython {self.python} and glibc {self.glibc} or older"
                raise LockError(what, hint=hint)
            known = None if wheels else package.sdist
            sdist = _pinned(package, known) if known else None
            if not wheels and not sdist:
                sdist = _sdist(package, self._index)
            found.append(
                Package(
                    name=package.name,
                    version=package.version,
                    marker=package.marker,
                    sdist=sdist,
                    wheels=wheels or None,
                )
            )
        return found

    def _ask_uv(
        self,
        requirements: Sequence[Requirement],
        kept: Mapping[str, str],
        constraints: Sequence[Requirement],
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
    return LockError(
        f"{', '.join(names)} can be had only as source, and what that requires its own code says",
        why=f"nothing of a package runs outside the sandbox\n{why}",
        hint=f"require a version that has a wheel, or serve a wheel of {names[0]} from an index of"
        " your own, which OMNIBUILD_INDEX_URL names",
    )


def _wheels(package: Package, usable: set[Tag]) -> list[PackageWheel]:
    """Return the wheels of a package that can be used, always in the same order."""
    found = [
        PackageWheel(name=wheel.filename, url=_address(wheel.url), hashes=_digest(package, wheel))
        for wheel in package.wheels or ()
        if usable & parse_wheel_filename(wheel.filename)[-1]
    ]
    return sorted(found, key=lambda wheel: wheel.filename)


def _sdist(package: Package, index: str) -> PackageSdist:
    """Return the source distribution that the index has of a package's version."""
    for file in read_page(page_of(index, package.name), Downloader()).values():
        try:
            found = parse_sdist_filename(file.name)
        except ValueError:  # a wheel, or something older than the standards
            continue
        if found == (canonicalize_name(package.name), package.version) and file.sha256:
            url, hashes = _address(file.url), {"sha256": file.sha256}
            return PackageSdist(name=file.name, url=url, hashes=hashes)
    raise LockError(
        f"{package.name} {package.version} has no source distribution to compile",
        hint="take it out of `from-source` in [python]",
    )


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
