"""The files of an rpm: which it owns, its file tags, and its payload."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from omnibuild.errors import PackageError
from omnibuild.package.identity import is_utf8
from omnibuild.package.members import content, name_bytes
from omnibuild.package.rpm.cpio import LARGEST_FILE, cpio_header, cpio_padding, cpio_trailer
from omnibuild.package.rpm.header import Field, int16, int32, strings
from omnibuild.package.rpm.tags import SHA256, FileFlag, Tag
from omnibuild.package.system_directories import is_system_directory
from omnibuild.payload.model import Payload
from omnibuild.tree import Entry, Kind

TYPE_BITS: Final = {
    Kind.FILE: stat.S_IFREG,
    Kind.DIRECTORY: stat.S_IFDIR,
    Kind.SYMLINK: stat.S_IFLNK,
}


_DOCUMENTS = ("usr/share/doc/", "usr/share/man/")


@dataclass(frozen=True, slots=True)
class RpmMember:
    """A file of the package.

    Args:
        entry: the entry; every name of a hard-linked file is a file, with size and digest.
        inode: the same number for all names of one file.
        links: how many names the file has.
        carrier: whether the payload holds the content under this name: rpm expects it at the
            last of a file's names.
        ghost: whether it comes into being on hosts, so that the payload has nothing of it.
    """

    entry: Entry
    inode: int
    links: int
    carrier: bool
    ghost: bool = False

    @property
    def mode(self) -> int:
        """Type and permissions."""
        return TYPE_BITS[self.entry.kind] | self.entry.mode

    @property
    def size(self) -> int:
        """Bytes of content; a symlink's is its target."""
        if self.entry.kind is Kind.SYMLINK:
            return len(self.entry.target.encode())
        return self.entry.size


def rpm_members(members: Sequence[Entry], ghosts: Sequence[str] = ()) -> tuple[RpmMember, ...]:
    """Return what the package owns, of entries in archive order, and of ghosts by host path."""
    files = {entry.path: entry for entry in members if entry.kind is Kind.FILE}
    owned = [(entry, _first_name(entry)) for entry in members if not is_system_directory(entry)]
    _check(entry for entry, _ in owned)
    names = Counter(first for _, first in owned)
    inodes = {first: number for number, first in enumerate(names, start=1)}
    last_names = {first: entry.path for entry, first in owned}
    own = [
        RpmMember(
            replace(files[first], path=entry.path) if entry.kind is Kind.HARDLINK else entry,
            inodes[first],
            names[first],
            carrier=last_names[first] == entry.path,
        )
        for entry, first in owned
    ]
    for number, path in enumerate(ghosts, start=len(inodes) + 1):
        entry = Entry(path.lstrip("/"), Kind.FILE, 0o644)
        own.append(RpmMember(entry, number, 1, carrier=False, ghost=True))
    # rpm looks for names in this order.
    return tuple(sorted(own, key=lambda member: name_bytes(member.entry.path)) if ghosts else own)


def installed_bytes(members: Iterable[RpmMember]) -> int:
    """Return the bytes of all files, hard links counted once."""
    return sum(member.size for member in members if member.carrier)


def file_fields(members: Sequence[RpmMember], payload: Payload) -> dict[int, Field]:
    """Return the tags that list the files; none for a package without any."""
    if not members:
        return {}
    count = len(members)
    parents, names = zip(*(f"/{m.entry.path}".rsplit("/", 1) for m in members), strict=True)
    directories = {name: number for number, name in enumerate(dict.fromkeys(parents))}
    owners = [payload.owners.get(f"/{member.entry.path}", ("root", "root")) for member in members]
    config_files = frozenset(payload.config_files)
    return {
        Tag.FILE_SIZES: int32(member.size for member in members),
        Tag.FILE_MODES: int16(member.mode for member in members),
        Tag.FILE_DEVICES_OF_NODES: int16([0] * count),
        Tag.FILE_MTIMES: int32([payload.metadata.date] * count),
        Tag.FILE_DIGESTS: strings(member.entry.digest for member in members),
        Tag.FILE_LINK_TARGETS: strings(_link_target(member.entry) for member in members),
        Tag.FILE_FLAGS: int32(_flags(member, config_files) for member in members),
        Tag.FILE_USERS: strings(user for user, _ in owners),
        Tag.FILE_GROUPS: strings(group for _, group in owners),
        # Nothing is known of a ghost but its name.
        Tag.FILE_VERIFY_FLAGS: int32(0 if member.ghost else 0xFFFFFFFF for member in members),
        Tag.FILE_DEVICES: int32([1] * count),
        Tag.FILE_INODES: int32(member.inode for member in members),
        Tag.FILE_LANGUAGES: strings([""] * count),
        Tag.DIRECTORY_INDEXES: int32(directories[parent] for parent in parents),
        Tag.BASE_NAMES: strings(names),
        Tag.DIRECTORY_NAMES: strings(f"{name}/" for name in directories),
        Tag.FILE_DIGEST_ALGORITHM: int32([SHA256]),
        **_capabilities(members, payload),
    }


def _capabilities(members: Sequence[RpmMember], payload: Payload) -> dict[int, Field]:
    if not payload.capabilities:
        return {}
    said = (payload.capabilities.get(f"/{member.entry.path}", "") for member in members)
    return {Tag.FILE_CAPABILITIES: strings(said)}


def _flags(member: RpmMember, config_files: Collection[str]) -> int:
    """Return the flags of a file, as rpm's own build would set them."""
    entry = member.entry
    if member.ghost:
        return FileFlag.GHOST
    if f"/{entry.path}" in config_files:
        return FileFlag.CONFIG | FileFlag.NOREPLACE
    if entry.kind is not Kind.DIRECTORY and entry.path.startswith(_DOCUMENTS):
        # A host may leave documents out, but not this one.
        is_licence = entry.path.endswith("/copyright")
        return FileFlag.LICENSE if is_licence else FileFlag.DOC
    return 0


def payload_stream(root: Path, members: Iterable[RpmMember], date: int) -> Iterator[bytes]:
    """Yield the uncompressed payload."""
    for member in members:
        if member.ghost:
            continue
        entry = member.entry
        size = member.size if member.carrier else 0
        yield cpio_header(
            f"./{entry.path}",
            inode=member.inode,
            mode=member.mode,
            links=member.links,
            date=date,
            size=size,
        )
        if entry.kind is Kind.SYMLINK:
            yield entry.target.encode()
        elif entry.kind is Kind.FILE and member.carrier:
            yield from content(root, entry)
        yield cpio_padding(size)
    yield cpio_trailer()


def _first_name(entry: Entry) -> str:
    return entry.target if entry.kind is Kind.HARDLINK else entry.path


def _link_target(entry: Entry) -> str:
    return entry.target if entry.kind is Kind.SYMLINK else ""


def _check(entries: Iterable[Entry]) -> None:
    for entry in entries:
        if not is_utf8(entry.path + entry.target):
            what = f"the file name {entry.path!r} is not UTF-8, which rpm demands"
            raise PackageError(what).at(entry.path)
        if entry.size > LARGEST_FILE:
            raise PackageError(
                f"{entry.path} has {entry.size} bytes; an rpm cannot hold files of 4 GiB and more"
            )
