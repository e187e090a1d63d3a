"""Tar archives as a stream of blocks, in GNU's form, which every dpkg and tar reads."""

from __future__ import annotations

import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

from omnibuild.tree import Entry, Kind

TYPES = {
    Kind.FILE: tarfile.REGTYPE,
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.HARDLINK: tarfile.LNKTYPE,
}

# What fits into one header as it is.
SHORT, LARGEST_IN_OCTAL = 99, 8**11 - 1

# After the link: GNU's mark, owner and group, no device numbers, no prefix.
END_OF_HEADER = b"ustar  \0" + 2 * b"root".ljust(32, b"\0") + bytes(2 * 8 + 155 + 12)
BLANK_CHECKSUM = b" " * 8
# Of each header, what is the same in all.
SUM_OF_ENDS = sum(END_OF_HEADER) + sum(BLANK_CHECKSUM)

END_OF_ARCHIVE = bytes(2 * tarfile.BLOCKSIZE)


def tar_stream(
    members: Iterable[Entry],
    *,
    top: str,
    date: int,
    read: Callable[[Entry], Iterable[bytes]],
    owners: Mapping[str, tuple[int, int]] = MappingProxyType({}),
    capabilities: Mapping[str, bytes] = MappingProxyType({}),
) -> Iterator[bytes]:
    """Yield a tar archive of ``members`` below the directory ``top``, owned by root.

    Args:
        members: entries in archive order.
        top: the archive's first entry, a directory: ``.`` for dpkg.
        date: the time that every entry carries.
        read: gives the content of a file, exactly ``entry.size`` bytes.
        owners: user and group, as numbers, of the paths that are not root's.
        capabilities: the attribute ``security.capability`` of paths that have one, which stands
            before their header as engines and GNU tar write it.
    """
    yield _header(Entry(top, Kind.DIRECTORY, 0o755), top, date, link="")
    for member in members:
        link = f"{top}/{member.target}" if member.kind is Kind.HARDLINK else member.target
        owner = owners.get(member.path)
        if member.path in capabilities:
            yield _extended("SCHILY.xattr.security.capability", capabilities[member.path], date)
        yield _header(member, f"{top}/{member.path}", date, link=link, owner=owner)
        if member.kind is Kind.FILE:
            yield from read(member)
            yield bytes(-member.size % tarfile.BLOCKSIZE)
    yield END_OF_ARCHIVE


def _header(
    entry: Entry, name: str, date: int, *, link: str, owner: tuple[int, int] | None = None
) -> bytes:
    size = entry.size if entry.kind is Kind.FILE else 0
    texts = f"{name}{link}"
    is_short = max(len(name), len(link)) <= SHORT and size <= LARGEST_IN_OCTAL and texts.isascii()
    if is_short and owner is None:
        return _short_header(entry, name, size, date, link)
    info = tarfile.TarInfo(name)
    info.type = TYPES[entry.kind]
    info.mode = entry.mode
    info.size = size
    info.mtime = date
    info.linkname = link
    if owner is None:
        info.uname = info.gname = "root"
    else:
        info.uid, info.gid = owner
    # The octal size field ends at 8 GiB; GNU's form goes on in binary, which dpkg reads too.
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _extended(keyword: str, value: bytes, date: int) -> bytes:
    """Return a record of pax for the entry behind it; see pax(1), "pax Header Block"."""
    rest = b" %b=%b\n" % (keyword.encode(), value)
    # The length counts its own digits.
    size = next(n for n in range(len(rest), 2 * len(rest) + 9) if len(str(n)) + len(rest) == n)
    info = tarfile.TarInfo("././@PaxHeader")
    info.type, info.size, info.mtime = tarfile.XHDTYPE, size, date
    data = b"%d%b" % (size, rest)
    return info.tobuf(tarfile.USTAR_FORMAT) + data + bytes(-size % tarfile.BLOCKSIZE)


def _short_header(entry: Entry, name: str, size: int, date: int, link: str) -> bytes:
    """Return what ``tarfile`` writes for nearly all entries, at a fraction of the time.

    A payload has thousands of files, and ``tarfile`` takes the time of reading them for headers.
    """
    ending = "/" if entry.kind is Kind.DIRECTORY else ""
    start = b"%b%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        f"{name}{ending}".encode().ljust(100, b"\0"),
        entry.mode,
        0,
        0,
        size,
        date,
    )
    kind, target = TYPES[entry.kind], link.encode()
    checksum = sum(start) + sum(kind) + sum(target) + SUM_OF_ENDS
    return b"%b%06o\0 %b%b%b" % (start, checksum, kind, target.ljust(100, b"\0"), END_OF_HEADER)
