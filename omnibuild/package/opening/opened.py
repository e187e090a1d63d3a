"""A package file of any kind, or a directory, laid open."""

from __future__ import annotations

import dataclasses
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from omnibuild.errors import ArchiveError, PackageError, Where
from omnibuild.package.deb.ar import MAGIC as AR
from omnibuild.package.deb.contents import control_files, deb_parts
from omnibuild.package.deb.reader import control_fields
from omnibuild.package.decompression import decompressed
from omnibuild.package.opening.contents import Contents, Member
from omnibuild.package.opening.cpio import rpm_members
from omnibuild.package.opening.said import Said, deb_said, rpm_said
from omnibuild.package.opening.tarball import Pieces, tar_members
from omnibuild.package.reading import reading
from omnibuild.package.rpm.reader import RpmHeaders, RpmInfo, info_of, read_headers
from omnibuild.package.rpm.tags import Tag
from omnibuild.package.rpm.verification import SUFFIXES
from omnibuild.package.rpm.writer import LEAD_MAGIC
from omnibuild.payload.model import Metadata, Payload
from omnibuild.sources import archive
from omnibuild.sources.extraction import Limits
from omnibuild.tree import Kind, Tree, scan


@dataclass(frozen=True)
class Opened:
    """What a package holds.

    Args:
        payload: its files, and as much as it says of itself.
        architecture: as the format calls it; empty where nothing says it.
        said: what else it says of itself, field by field; nothing of a tarball or directory.
    """

    payload: Payload
    architecture: str = ""
    said: Said = field(default_factory=dict)


def open_package(path: Path, scratch: Path, limits: Limits) -> Opened:
    """Read a .deb, an .rpm, a tarball or a directory, whatever it is called.

    Args:
        path: the file or directory.
        scratch: a private, empty directory, which takes the contents of an archive.
        limits: what an archive may hold at most.

    Raises:
        PackageError: it is none of these, or damaged, or holds what no package can.
    """
    if path.is_dir():
        return _open_directory(path)
    with reading(path), path.open("rb") as stream:
        start = stream.read(len(AR))
        stream.seek(0)
        if start == AR:
            fields, said, members = _deb(stream)
            names = fields["Package"], fields["Version"], fields["Architecture"]
        elif start.startswith(LEAD_MAGIC):
            headers = read_headers(stream)
            info = info_of(headers)
            names, said = _rpm_names(info), rpm_said(info, headers)
            members = _rpm_files(headers, stream)
        else:
            names, said = (path.name, "", ""), {}
            members = _tar_members(stream, limits)
        contents = Contents(scratch, limits)
        for member in members:
            contents.add(member)
        opened = _opened(*names, contents.tree(), scratch, scratch)
        return dataclasses.replace(opened, said=said)


def _deb(stream: IO[bytes]) -> tuple[dict[str, str], Said, Iterator[Member]]:
    control, data = deb_parts(stream)
    files = control_files(stream, control)
    fields = control_fields(files)
    stream.seek(data.offset)
    members = tar_members(Pieces(decompressed(stream, data.name, data.size)))
    return fields, deb_said(fields, files), members


def _rpm_names(info: RpmInfo) -> tuple[str, str, str]:
    return info.name, info.full_version, info.architecture


def _rpm_files(headers: RpmHeaders, stream: IO[bytes]) -> Iterator[Member]:
    compressor = headers.main.text(Tag.PAYLOAD_COMPRESSOR)
    if compressor not in SUFFIXES:
        raise PackageError(f"its payload is compressed by {compressor!r}, which is not read here")
    stream.seek(headers.payload_start)
    payload = Pieces(decompressed(stream, f"payload.cpio.{SUFFIXES[compressor]}"))
    return rpm_members(headers.main, payload)


def _tar_members(stream: IO[bytes], limits: Limits) -> Iterator[Member]:
    head = stream.read(tarfile.BLOCKSIZE)
    stream.seek(0)
    try:
        yield from tar_members(archive.decompressed(stream, head, limits))
    except ArchiveError as error:
        raise PackageError(error.what, why=error.why, hint=error.hint) from error


def _open_directory(path: Path) -> Opened:
    try:
        tree = scan(path)
    except ValueError as error:
        raise PackageError(
            f"{path} cannot be packaged", where=Where(str(path)), why=str(error)
        ) from error
    return _opened(path.resolve().name, "", "", tree, path)


def _opened(
    name: str,
    version: str,
    architecture: str,
    tree: Tree,
    root: Path,
    contents: Path | None = None,
) -> Opened:
    metadata = Metadata(
        name=name,
        version=version,
        revision="",
        summary="",
        description="",
        license="",
        maintainer="",
        homepage="",
        vendor="",
        date=0,
    )
    payload = Payload(metadata, root, tree, _prefix_of(tree), contents=contents)
    return Opened(payload, architecture)


def _prefix_of(tree: Tree) -> str:
    """Return the directory that the package calls its own, ``/opt/NAME``; empty if none."""
    below = {
        entry.path.split("/")[1]
        for entry in tree.entries
        if entry.path.startswith("opt/") and entry.kind is not Kind.DIRECTORY
    }
    return f"/opt/{below.pop()}" if len(below) == 1 else ""
