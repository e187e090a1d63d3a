"""The ar archive that a .deb is: just enough of it, written and read safely."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from msgspec import Struct

from omnibuild.errors import PackageError
from omnibuild.patterns import regex

MAGIC = b"!<arch>\n"
HEADER_SIZE = 60
HEADER_END = b"`\n"
LARGEST_MEMBER = 10**10 - 1

_NUMBER = regex(rb"[0-9]+ *")


class ArMember(Struct, frozen=True):
    """A member of an archive: where its bytes lie in the file."""

    name: str
    offset: int
    size: int


def ar_header(name: str, size: int, date: int) -> bytes:
    """Return the header of a member, owned by root; raises :class:`PackageError` beyond 9 GiB."""
    if size > LARGEST_MEMBER:
        raise PackageError(
            f"{name} has {size} bytes, and a .deb cannot hold more than {LARGEST_MEMBER}"
        )
    return b"%-16b%-12d%-6d%-6d%-8b%-10d%b" % (
        name.encode(),
        date,
        0,
        0,
        b"100644",
        size,
        HEADER_END,
    )


def ar_padding(size: int) -> bytes:
    """Return what follows a member of ``size`` bytes: members begin at even places."""
    return b"\n" * (size & 1)


def ar_members(stream: IO[bytes]) -> Iterator[ArMember]:
    """Yield the members of an archive; raises :class:`PackageError` where it is damaged."""
    end = stream.seek(0, 2)
    stream.seek(0)
    if stream.read(len(MAGIC)) != MAGIC:
        raise PackageError("this is not an ar archive, so not a .deb")
    offset = len(MAGIC)
    while offset < end:
        stream.seek(offset)
        header = stream.read(HEADER_SIZE)
        size = header[48:58]
        if len(header) != HEADER_SIZE or header[58:] != HEADER_END or not _NUMBER.fullmatch(size):
            raise PackageError(f"the ar archive is damaged at byte {offset}")
        member = ArMember(
            header[:16].decode("ascii", "replace").rstrip().rstrip("/"),
            offset + HEADER_SIZE,
            int(size),
        )
        if member.offset + member.size > end:
            raise PackageError(f"the ar archive ends within its member {member.name!r}")
        yield member
        offset = member.offset + member.size + (member.size & 1)
