"""Tarballs of the npm registry, pinned by the digests of a ``package-lock.json``."""

from __future__ import annotations

import hashlib
from pathlib import Path
from urllib.parse import quote

from omnibuild.errors import DigestMismatchError
from omnibuild.transfer.http import CHUNK, Downloader, Progress, without_password


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
