"""The members of a tar archive."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from typing import IO, Protocol, cast

from omnibuild.errors import ArchiveError, PackageError
from omnibuild.package.opening.contents import MODE_OF_SPECIAL, Member
from omnibuild.sources.archive import CHUNK, DAMAGED, TAR_BUFFER, BoundedTarInfo, decompressed
from omnibuild.sources.extraction import Limits
from omnibuild.tree import Kind


class Readable(Protocol):
    """What tar is read from."""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes, none at the end."""


class Pieces:
    """Pieces of any size, to be read as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        """Return up to ``size`` bytes, none at the end."""
        while not self._rest:
            try:
                self._rest = memoryview(next(self._pieces))
            except StopIteration:
                return b""
        taken, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return taken


def tar_members(stream: Readable) -> Iterator[Member]:
    """Yield the members of a tar archive; raises :class:`PackageError` where it is damaged."""
    try:
        with tarfile.open(
            fileobj=cast("IO[bytes]", stream),
            mode="r|",
            bufsize=TAR_BUFFER,
            tarinfo=BoundedTarInfo,
            errors="surrogateescape",
        ) as tar:
            for member in tar:
                yield _member(tar, member)
    except DAMAGED as error:
        raise PackageError("its archive is damaged", why=str(error)) from error


def packed_tar_members(stream: IO[bytes], limits: Limits) -> Iterator[Member]:
    """Yield the members of a tar archive that may be compressed, which its first bytes tell.

    Args:
        stream: at its beginning; it can be wound back.
        limits: what it may hold at most.

    Raises :class:`PackageError` where it is damaged.
    """
    head = stream.read(tarfile.BLOCKSIZE)
    stream.seek(0)
    try:
        yield from tar_members(decompressed(stream, head, limits))
    except ArchiveError as error:
        raise PackageError(error.what, why=error.why, hint=error.hint) from error


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Member:
    owner = _name(member.uname, member.uid), _name(member.gname, member.gid)
    if member.isdir():
        return Member(member.name, Kind.DIRECTORY, member.mode, owner=owner)
    if member.issym():
        return Member(member.name, Kind.SYMLINK, 0o777, member.linkname, owner=owner)
    if member.islnk():
        return Member(member.name, Kind.HARDLINK, member.mode, member.linkname, owner=owner)
    if member.isdev():
        return Member(member.name, Kind.FILE, MODE_OF_SPECIAL, owner=owner, special=True)
    content = tar.extractfile(member) if member.isreg() else None
    if content is None:
        raise PackageError(f"{member.name!r} is neither a file, a link, a directory nor a device")
    # Bytes of the kernel's attribute, which tarfile reads as text.
    able = member.pax_headers.get("SCHILY.xattr.security.capability", "")
    written = able.encode("utf-8", "surrogateescape").hex()
    return Member(
        member.name, Kind.FILE, member.mode, "", _pieces(content), owner, capabilities=written
    )


def _name(name: str, number: int) -> str:
    return name or (str(number) if number else "root")


def _pieces(content: IO[bytes]) -> Iterator[bytes]:
    """Yield a file's content; whoever takes it is outside of what reads the members."""
    try:
        while piece := content.read(CHUNK):
            yield piece
    except DAMAGED as error:
        raise PackageError("its archive is damaged", why=str(error)) from error
