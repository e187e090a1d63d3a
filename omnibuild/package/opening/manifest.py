"""The manifest inside a package, without opening all of that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

from omnibuild.errors import PackageError
from omnibuild.package.decompression import decompressed
from omnibuild.package.opening.contents import Member
from omnibuild.package.opening.cpio import rpm_members
from omnibuild.package.opening.tarball import Pieces, packed_tar_members
from omnibuild.package.reading import reading
from omnibuild.package.rpm.reader import read_headers
from omnibuild.package.rpm.tags import Tag
from omnibuild.package.rpm.verification import SUFFIXES
from omnibuild.provenance.described import LARGEST, MANIFEST
from omnibuild.sources.extraction import Limits


def manifest_of_rpm(path: Path) -> bytes:
    """Return the manifest in an rpm that was found whole; empty where there is none."""
    with reading(path), path.open("rb") as stream:
        headers = read_headers(stream)
        compressor = headers.main.text(Tag.PAYLOAD_COMPRESSOR)
        if compressor not in SUFFIXES:
            return b""
        stream.seek(headers.payload_start)
        archive = decompressed(stream, f"payload.cpio.{SUFFIXES[compressor]}")
        return _found(rpm_members(headers.main, Pieces(archive)))


def manifest_of_tarball(path: Path) -> bytes:
    """Return the manifest in a tarball that was found whole; empty where there is none."""
    with reading(path), path.open("rb") as stream:
        return _in_tar(stream)


def _in_tar(stream: IO[bytes]) -> bytes:
    try:
        return _found(packed_tar_members(stream, Limits()))
    except PackageError:
        # What is no archive for us, or more than we look into, may be one for hosts.
        return b""


def _found(members: Iterator[Member]) -> bytes:
    for member in members:
        if member.path.endswith(f"/{MANIFEST}"):
            content = b""
            for piece in member.content:
                content += piece
                if len(content) > LARGEST:
                    return b""
            return content
    return b""
