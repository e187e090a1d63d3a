"""What an rpm says about itself, read without trusting the file."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

from omnibuild.digests import Digest, of_bytes
from omnibuild.errors import PackageError
from omnibuild.package.reading import reading
from omnibuild.package.rpm.header import (
    LEAD,
    LEAD_MAGIC,
    SIGNATURE_ALIGNMENT,
    Header,
    read_header,
)
from omnibuild.package.rpm.notation import RpmRelation
from omnibuild.package.rpm.tags import (
    CONFLICTS,
    ENHANCES,
    OBSOLETES,
    PROVIDES,
    RECOMMENDS,
    REQUIRES,
    SUGGESTS,
    SUPPLEMENTS,
    FileFlag,
    SignatureTag,
    Tag,
)
from omnibuild.regular import open_regular

# As a plain number: packages have many files.
_GHOST: Final = int(FileFlag.GHOST)


@dataclass(frozen=True, slots=True)
class RpmFile:
    """A path that a package owns; ``type`` as yum's metadata calls it."""

    path: str
    type: Literal["file", "dir", "ghost"]


@dataclass(frozen=True, slots=True)
class RpmChange:
    """An entry of the changelog; ``date`` is in seconds since 1970."""

    date: int
    author: str
    text: str


@dataclass(frozen=True)
class RpmInfo:
    """All of a package that yum's metadata repeats.

    Args:
        installed_size: bytes of its files.
        archive_size: bytes of its payload before compression.
        header_start: where the main header begins in the file.
        header_end: where it ends, and the payload begins.
        header_digest: SHA-256 of the main header: what a signature covers.
    """

    name: str
    epoch: int
    version: str
    release: str
    architecture: str
    summary: str
    description: str
    url: str
    license: str
    vendor: str
    packager: str
    group: str
    build_host: str
    source_rpm: str
    build_time: int
    installed_size: int
    archive_size: int
    header_start: int
    header_end: int
    header_digest: Digest
    provides: tuple[RpmRelation, ...]
    requires: tuple[RpmRelation, ...]
    recommends: tuple[RpmRelation, ...]
    suggests: tuple[RpmRelation, ...]
    supplements: tuple[RpmRelation, ...]
    enhances: tuple[RpmRelation, ...]
    conflicts: tuple[RpmRelation, ...]
    obsoletes: tuple[RpmRelation, ...]
    files: tuple[RpmFile, ...]
    changes: tuple[RpmChange, ...]

    @property
    def full_version(self) -> str:
        """``[epoch:]version-release``, by which hosts compare packages."""
        epoch = f"{self.epoch}:" if self.epoch else ""
        return f"{epoch}{self.version}-{self.release}"


@dataclass(frozen=True)
class RpmHeaders:
    """The front of an rpm: both headers, and where the main one begins."""

    lead: bytes
    signature: Header
    main: Header
    main_start: int

    @property
    def payload_start(self) -> int:
        """Where the payload begins."""
        return self.main_start + len(self.main.blob)


def read_rpm(path: Path) -> RpmInfo:
    """Read a package's headers; raises :class:`PackageError` whatever is wrong with the file."""
    with reading(path), open_regular(path) as stream:
        return info_of(read_headers(stream))


def read_rpm_headers(path: Path) -> RpmHeaders:
    """Read both headers of a package as they are; raises :class:`PackageError`."""
    with reading(path), open_regular(path) as stream:
        return read_headers(stream)


def read_headers(stream: IO[bytes]) -> RpmHeaders:
    """Read both headers of the package that begins here; raises :class:`PackageError`."""
    lead, signature = read_front(stream)
    start = stream.tell()
    return RpmHeaders(lead, signature, read_header(stream, Tag.IMMUTABLE_REGION), start)


def read_front(stream: IO[bytes]) -> tuple[bytes, Header]:
    """Read what is before the main header; raises :class:`PackageError`."""
    lead = stream.read(LEAD.size)
    if len(lead) != LEAD.size or not lead.startswith(LEAD_MAGIC):
        raise PackageError("this is not an rpm")
    signature = read_header(stream, SignatureTag.REGION)
    stream.read(-len(signature.blob) % SIGNATURE_ALIGNMENT)
    return lead, signature


def info_of(headers: RpmHeaders) -> RpmInfo:
    """Return what the headers of a package say; raises :class:`PackageError`."""
    main, tag = headers.main, SignatureTag
    digest = of_bytes(main.blob)
    if headers.signature.text(tag.SHA256) not in ("", digest):
        raise PackageError("the main header does not have the digest that the file says")
    for required in (Tag.NAME, Tag.VERSION, Tag.RELEASE, Tag.ARCH):
        if not main.text(required):
            raise PackageError(f"the main header has no {required.name.lower()}")
    return RpmInfo(
        name=main.text(Tag.NAME),
        epoch=main.number(Tag.EPOCH),
        version=main.text(Tag.VERSION),
        release=main.text(Tag.RELEASE),
        architecture=main.text(Tag.ARCH),
        summary=main.text(Tag.SUMMARY),
        description=main.text(Tag.DESCRIPTION),
        url=main.text(Tag.URL),
        license=main.text(Tag.LICENSE),
        vendor=main.text(Tag.VENDOR),
        packager=main.text(Tag.PACKAGER),
        group=main.text(Tag.GROUP),
        build_host=main.text(Tag.BUILD_HOST),
        source_rpm=main.text(Tag.SOURCE_RPM),
        build_time=main.number(Tag.BUILD_TIME),
        installed_size=main.number(Tag.LONG_SIZE, Tag.SIZE),
        archive_size=headers.signature.number(tag.LONG_PAYLOAD_SIZE, tag.PAYLOAD_SIZE),
        header_start=headers.main_start,
        header_end=headers.payload_start,
        header_digest=digest,
        provides=_relations(main, PROVIDES),
        requires=_relations(main, REQUIRES),
        recommends=_relations(main, RECOMMENDS),
        suggests=_relations(main, SUGGESTS),
        supplements=_relations(main, SUPPLEMENTS),
        enhances=_relations(main, ENHANCES),
        conflicts=_relations(main, CONFLICTS),
        obsoletes=_relations(main, OBSOLETES),
        files=_files(main),
        changes=_changes(main),
    )


def _relations(header: Header, tags: tuple[Tag, Tag, Tag]) -> tuple[RpmRelation, ...]:
    name, version, flags = tags
    names = header.strings(name)
    versions, senses = header.strings(version), header.numbers(flags)
    if not len(names) == len(versions) == len(senses):
        raise PackageError(f"the lists beside {name.name} do not have its length")
    return tuple(map(RpmRelation, names, versions, senses))


def _changes(header: Header) -> tuple[RpmChange, ...]:
    dates = header.numbers(Tag.CHANGE_DATES)
    authors, texts = header.strings(Tag.CHANGE_AUTHORS), header.strings(Tag.CHANGE_TEXTS)
    if not len(dates) == len(authors) == len(texts):
        raise PackageError("the lists of the changelog have different lengths")
    return tuple(map(RpmChange, dates, authors, texts))


def _files(header: Header) -> tuple[RpmFile, ...]:
    names = header.strings(Tag.BASE_NAMES)
    parents = header.strings(Tag.DIRECTORY_NAMES)
    indexes = header.numbers(Tag.DIRECTORY_INDEXES)
    modes, flags = header.numbers(Tag.FILE_MODES), header.numbers(Tag.FILE_FLAGS)
    if not len(names) == len(indexes) == len(modes) == len(flags):
        raise PackageError("the lists of files have different lengths")
    if any(index >= len(parents) for index in indexes):
        raise PackageError("a file lies in a directory that is not listed")
    return tuple(
        RpmFile(f"{parents[index]}{name}", _file_type(mode, flag))
        for name, index, mode, flag in zip(names, indexes, modes, flags, strict=True)
    )


def _file_type(mode: int, flags: int) -> Literal["file", "dir", "ghost"]:
    if flags & _GHOST:
        return "ghost"
    return "dir" if stat.S_ISDIR(mode) else "file"
