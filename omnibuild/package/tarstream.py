"""Tar archives as a stream of blocks, in GNU's form, which every dpkg and tar reads."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Iterator

from omnibuild.tree import Entry, Kind

TYPES = {
    Kind.FILE: tarfile.REGTYPE,
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.HARDLINK: tarfile.LNKTYPE,
}

END_OF_ARCHIVE = bytes(2 * tarfile.BLOCKSIZE)


def tar_stream(
    members: Iterable[Entry],
    *,
    top: str,
    date: int,
    read: Callable[[Entry], Iterable[bytes]],
) -> Iterator[bytes]:
    """Yield a tar archive of ``members`` below the directory ``top``, all owned by root.

    Args:
        members: entries in archive order.
        top: the archive's first entry, a directory: ``.`` for dpkg.
        date: the time that every entry carries.
        read: gives the content of a file, exactly ``entry.size`` bytes.
    """
    yield _header(Entry(top, Kind.DIRECTORY, 0o755), top, date, link="")
    for member in members:
        link = f"{top}/{member.target}" if member.kind is Kind.HARDLINK else member.target
        yield _header(member, f"{top}/{member.path}", date, link=link)
        if member.kind is Kind.FILE:
            yield from read(member)
            yield bytes(-member.size % tarfile.BLOCKSIZE)
    yield END_OF_ARCHIVE


def _header(entry: Entry, name: str, date: int, *, link: str) -> bytes:
    info = tarfile.TarInfo(name)
    info.type = TYPES[entry.kind]
    info.mode = entry.mode
    info.size = entry.size if entry.kind is Kind.FILE else 0
    info.mtime = date
    info.linkname = link
    info.uname = info.gname = "root"
    # The octal size field ends at 8 GiB; GNU's form goes on in binary, which dpkg reads too.
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")
