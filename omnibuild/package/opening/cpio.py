"""The members of an rpm: its archive says in which order, its header all else, as rpm reads it."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass

from omnibuild.errors import PackageError
from omnibuild.package.opening.contents import LONGEST_PATH, MODE_OF_SPECIAL, Member
from omnibuild.package.opening.tarball import Pieces
from omnibuild.package.rpm.cpio import ALIGNMENT
from omnibuild.package.rpm.header import Header
from omnibuild.package.rpm.tags import Tag
from omnibuild.tree import Kind

MAGICS, STRIPPED = (b"070701", b"070702"), b"07070X"
FIELDS, FIELD = 13, 8
SIZE, NAME_SIZE = 6, 11
TRAILER = "TRAILER!!!"


@dataclass(frozen=True, slots=True)
class _Listed:
    """A file as the header lists it."""

    path: str
    mode: int
    size: int
    target: str
    inode: tuple[int, int]
    owner: tuple[str, str]
    capabilities: str


def rpm_members(header: Header, archive: Pieces) -> Iterator[Member]:
    """Yield the members of an rpm; raises :class:`PackageError` where it is damaged.

    Args:
        header: the main header.
        archive: its payload, unpacked.
    """
    listed = _listed(header)
    by_path = {file.path.strip("/"): file for file in listed}
    waiting: dict[tuple[int, int], list[_Listed]] = {}
    while found := _next(archive, listed, by_path):
        file, size = found
        content = _content(archive, size)
        if stat.S_ISREG(file.mode) and file.size and not size:
            # Of hard links rpm packs the content with the last name.
            waiting.setdefault(file.inode, []).append(file)
        else:
            yield _member(file, content)
            for other in waiting.pop(file.inode, ()):
                yield Member(
                    *(other.path, Kind.HARDLINK, other.mode, file.path),
                    owner=other.owner,
                    capabilities=other.capabilities,
                )
        for _ in content:
            pass
    if waiting:
        raise PackageError("its archive lacks the content of hard links")


def _member(file: _Listed, content: Iterator[bytes]) -> Member:
    if stat.S_ISDIR(file.mode):
        return Member(file.path, Kind.DIRECTORY, file.mode, owner=file.owner)
    if stat.S_ISLNK(file.mode):
        return Member(file.path, Kind.SYMLINK, 0o777, file.target, owner=file.owner)
    if not stat.S_ISREG(file.mode):
        return Member(file.path, Kind.FILE, MODE_OF_SPECIAL, owner=file.owner, special=True)
    return Member(file.path, Kind.FILE, file.mode, "", content, file.owner, file.capabilities)


def _listed(header: Header) -> list[_Listed]:
    names, parents = header.strings(Tag.BASE_NAMES), header.strings(Tag.DIRECTORY_NAMES)
    indexes, modes = header.numbers(Tag.DIRECTORY_INDEXES), header.numbers(Tag.FILE_MODES)
    sizes = header.numbers(Tag.LONG_FILE_SIZES) or header.numbers(Tag.FILE_SIZES)
    targets, inodes = header.strings(Tag.FILE_LINK_TARGETS), header.numbers(Tag.FILE_INODES)
    devices = header.numbers(Tag.FILE_DEVICES) or (0,) * len(names)
    users, groups = header.strings(Tag.FILE_USERS), header.strings(Tag.FILE_GROUPS)
    users, groups = users or ("root",) * len(names), groups or ("root",) * len(names)
    able = header.strings(Tag.FILE_CAPABILITIES) or ("",) * len(names)
    lists = (names, indexes, modes, sizes, targets, inodes, devices, users, groups, able)
    if len({len(each) for each in lists}) > 1 or any(index >= len(parents) for index in indexes):
        raise PackageError("the lists of files have different lengths")
    return [
        _Listed(
            *(f"{parents[index]}{name}", mode, size, target, (device, inode)),
            *((user, group), capabilities.lstrip("= ")),
        )
        for name, index, mode, size, target, inode, device, user, group, capabilities in zip(
            *lists, strict=True
        )
    ]


def _next(
    archive: Pieces, listed: list[_Listed], by_path: dict[str, _Listed]
) -> tuple[_Listed, int] | None:
    """Return the next file of the archive and how many bytes of it follow; none at the end."""
    magic = _exactly(archive, len(STRIPPED))
    if magic == STRIPPED:
        # Files of 4 GB and more do not fit into cpio: it only says which one of the list it is.
        index = _number(_exactly(archive, FIELD))
        _exactly(archive, -(len(STRIPPED) + FIELD) % ALIGNMENT)
        if index >= len(listed):
            raise PackageError("its archive holds a file that is not listed")
        return listed[index], listed[index].size
    if magic not in MAGICS:
        raise PackageError("its archive is no cpio that rpm reads")
    fields = _exactly(archive, FIELDS * FIELD)
    numbers = [_number(fields[at : at + FIELD]) for at in range(0, len(fields), FIELD)]
    length = numbers[NAME_SIZE]
    if not 0 < length <= LONGEST_PATH:
        raise PackageError("its archive holds an impossible name")
    name = _exactly(archive, length)[:-1].decode("utf-8", "surrogateescape")
    _exactly(archive, -(len(magic) + len(fields) + length) % ALIGNMENT)
    if name == TRAILER:
        return None
    file = by_path.get(name.removeprefix(".").strip("/"))
    if file is None:
        raise PackageError(f"its archive holds {name!r}, which is not listed")
    return file, numbers[SIZE]


def _number(field: bytes) -> int:
    try:
        return int(field, 16)
    except ValueError as error:
        raise PackageError("its archive is damaged", why=str(error)) from error


def _content(archive: Pieces, size: int) -> Iterator[bytes]:
    left = size
    while left:
        piece = archive.read(left)
        if not piece:
            raise PackageError("its archive ends too early")
        left -= len(piece)
        yield piece
    _exactly(archive, -size % ALIGNMENT)


def _exactly(archive: Pieces, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = archive.read(size - len(found))
        if not piece:
            raise PackageError("its archive ends too early")
        found += piece
    return found
