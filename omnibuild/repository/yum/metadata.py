"""yum's metadata as files: gzip members of leaves, cut out of the last ones and joined."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from msgspec import Struct, field

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.repository.state.entries import Rpm
from omnibuild.repository.yum.escaping import quoted
from omnibuild.repository.yum.updateinfo import UPDATEINFO

GZIP_LEVEL = 6

COMMON = "http://linux.duke.edu/metadata/common"
RPM_NAMESPACE = "http://linux.duke.edu/metadata/rpm"
ELEMENTS = {
    "primary": ("metadata", f'xmlns="{COMMON}" xmlns:rpm="{RPM_NAMESPACE}"'),
    "filelists": ("filelists", 'xmlns="http://linux.duke.edu/metadata/filelists"'),
    "other": ("otherdata", 'xmlns="http://linux.duke.edu/metadata/other"'),
}
DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'
LOCATION = "<location href="


class Piece(Struct, frozen=True):
    """Some packages of a tree.

    Args:
        name: equal names are equal packages.
        count: how many there are.
        rpms: reads them.
    """

    name: Digest
    count: int
    rpms: Callable[[], Sequence[Rpm]]


class Record(Struct, frozen=True):
    """Of which pieces metadata is made: their names, and by its type the file and the lengths.

    ``base`` is the address that was in it.
    """

    base: str
    pieces: tuple[Digest, ...]
    files: dict[str, tuple[str, tuple[int, ...]]]


# What pieces became, by the type of the file and their names.
Known = Mapping[tuple[str, Digest], bytes]


class Metadata(Struct, frozen=True, dict=True):
    """The metadata of one tree and architecture as files.

    Args:
        pieces: its packages.
        shard: reads the file list of a package, as a gzip member.
        known: what pieces became, by their type and name.
        base: the address below which the packages lie, unless ``repodata/`` is beside them.
            Their own paths stay below it, as a mirror program wants that stores by them.
        advisories: what updateinfo.xml says; empty: there is none.
    """

    pieces: Sequence[Piece]
    shard: Callable[[Rpm], bytes]
    known: Known = field(default_factory=dict)
    base: str = ""
    advisories: str = ""

    @cached_property
    def parts(self) -> Mapping[str, bytes]:
        """The compressed files by their type."""
        advisories = {UPDATEINFO: compress(self.advisories)} if self.advisories else {}
        return {kind: self._document(kind) for kind in ELEMENTS} | advisories

    @cached_property
    def paths(self) -> Mapping[str, str]:
        """Where the files are, by their type; the name of each holds its digest."""
        return {kind: part_path(kind, data) for kind, data in self.parts.items()}

    def files(self) -> dict[str, bytes]:
        """Return the files by their path."""
        return {self.paths[kind]: data for kind, data in self.parts.items()}

    def record(self, place: str) -> Record:
        """Return of what the files are made that lie at ``place``."""
        lengths = {kind: tuple(map(len, members)) for kind, members in self.members.items()}
        return Record(
            self.base,
            tuple(piece.name for piece in self.pieces),
            {kind: (f"{place}{self.paths[kind]}", lengths[kind]) for kind in ELEMENTS},
        )

    def repomd(self, date: int) -> bytes:
        """Return repomd.xml; ``date`` is in seconds since 1970."""
        rows = "".join(
            f'  <data type="{kind}">\n'
            f'    <checksum type="sha256">{digest_in(self.paths[kind])}</checksum>\n'
            f'    <location href="{self.paths[kind]}"/>\n'
            f"    <timestamp>{date}</timestamp>\n"
            f"    <size>{len(data)}</size>\n"
            "  </data>\n"
            for kind, data in self.parts.items()
        )
        return (
            f'{DECLARATION}<repomd xmlns="http://linux.duke.edu/metadata/repo">\n'
            f"  <revision>{date}</revision>\n{rows}</repomd>\n"
        ).encode()

    @cached_property
    def members(self) -> Mapping[str, Sequence[bytes]]:
        """What the pieces became, by the type of the file."""
        return {kind: [self._member(kind, piece) for piece in self.pieces] for kind in ELEMENTS}

    def _member(self, kind: str, piece: Piece) -> bytes:
        """Return the gzip members of a piece: as they may follow each other, each is made once."""
        known = self.known.get((kind, piece.name))
        if known is not None:
            return known
        if kind == "filelists":
            # A list can be long, and never changes.
            return b"".join(map(self.shard, piece.rpms()))
        return compress("".join(self._element(kind, rpm) for rpm in piece.rpms()))

    def _element(self, kind: str, rpm: Rpm) -> str:
        if kind == "other":
            return rpm.other
        if not self.base:
            return rpm.primary
        base = f"<location xml:base={quoted(self.base)} href="
        return rpm.primary.replace(LOCATION, base, 1)

    def _document(self, kind: str) -> bytes:
        count = sum(piece.count for piece in self.pieces)
        name, attributes = ELEMENTS[kind]
        head = compress(f'{DECLARATION}<{name} {attributes} packages="{count}">\n')
        return b"".join([head, *self.members[kind], end_of(kind)])


def end_of(kind: str) -> bytes:
    """Return how a file of that type ends."""
    return compress(f"</{ELEMENTS[kind][0]}>\n")


def compress(text: str) -> bytes:
    """Return a gzip member; every yum and dnf reads gzip, not every one reads zstd."""
    return gzip.compress(text.encode(), GZIP_LEVEL, mtime=0)


def is_whole(member: bytes) -> bool:
    """Tell whether a gzip member, as of a package's file list, is undamaged."""
    try:
        return bool(gzip.decompress(member))
    except (OSError, EOFError, zlib.error):
        return False


def digest_in(path: str) -> Digest:
    """Return the digest in what :func:`part_path` made."""
    return path.removeprefix("repodata/").partition("-")[0]


def part_path(kind: str, data: bytes) -> str:
    """Return where a metadata file lies, relative to what a baseurl names."""
    return f"repodata/{digests.of_bytes(data)}-{kind}.xml.gz"
