"""Unpacking source archives that nobody vouches for: tar and zip, whatever their names say."""

from __future__ import annotations

import bz2
import calendar
import errno
import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from omnibuild import files
from omnibuild.errors import ArchiveError, Where
from omnibuild.sources.extraction import LARGER, Extraction, Limits

CHUNK = 1 << 20

# tarfile copies what is left of its buffer at every read: a large one is slow.
TAR_BUFFER = 1 << 16
# Long names and pax records are read into memory at once; real ones have a few hundred bytes.
LONGEST_EXTENSION = 1 << 20
LONGEST_SYMLINK = 4096

EXTENSIONS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)

UNIX = 3
ZIP_ENCRYPTED = 1

ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")


DEFAULT_LIMITS = Limits()

# How tarfile and zipfile say that they are fed rubbish.
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    ValueError,
    IndexError,
    OverflowError,
    NotImplementedError,
    RecursionError,
)

# Decompressors raise errors without a number; the others are about names no file can have.
UNUSABLE = (None, errno.ENAMETOOLONG, errno.EMLINK, errno.EINVAL, errno.EILSEQ)


def at_most(size: int) -> Limits:
    """Return limits with another size in bytes; 0: as they are."""
    return Limits(size) if size else DEFAULT_LIMITS


def unpack(archive: Path, target: Path, *, limits: Limits = DEFAULT_LIMITS) -> None:
    """Unpack ``archive`` as the directory ``target``, whole or not at all.

    If all of it lies in one directory, that one becomes ``target``. Times and the executable bit
    are kept; modes are 0644 and 0755, and everything belongs to the caller.

    Args:
        archive: a zip, or a tar, plain or compressed by gzip, bzip2, xz or zstd.
        target: must not exist, or be empty.
        limits: what the archive may hold at most.

    Raises:
        ArchiveError: it is damaged, of unknown format, or would write outside of ``target``.
    """
    with files.scratch_directory(target.parent) as scratch:
        extraction = Extraction(scratch, limits)
        try:
            tree = _extract(archive, extraction, limits)
        except ArchiveError as error:
            error.where = Where(str(archive))
            raise
        files.commit_directory(tree, target)


def _extract(archive: Path, extraction: Extraction, limits: Limits) -> Path:
    """Extract an archive of any format; return where its tree is."""
    try:
        with archive.open("rb") as stream:
            head = stream.read(tarfile.BLOCKSIZE)
            stream.seek(0)
            if head.startswith(ZIP_MAGICS):
                _extract_zip(stream, extraction)
            else:
                _extract_tar(decompressed(stream, head, limits), extraction)
        return extraction.finish()
    except DAMAGED as error:
        raise _damaged(extraction, str(error) or type(error).__name__) from error
    except OSError as error:
        if error.errno not in UNUSABLE:
            raise
        raise _damaged(extraction, str(error)) from error


def _damaged(extraction: Extraction, why: str) -> ArchiveError:
    after = f" at or after {extraction.latest!r}" if extraction.latest else ""
    return ArchiveError(f"the archive cannot be unpacked: it is damaged{after}", why=why)


class _Decompressed:
    """A decompressing stream with an end: of its bytes no more than the limit are read."""

    def __init__(self, stream: Any, limits: Limits, errors: tuple[type[Exception], ...]) -> None:
        self._stream = stream
        self._left = limits.size
        self._errors = errors

    def read(self, size: int) -> bytes:
        """Read up to ``size`` bytes."""
        try:
            data: bytes = self._stream.read(size)
        except self._errors as error:
            raise ArchiveError("the archive is damaged", why=str(error)) from error
        self._left -= len(data)
        if self._left < 0:
            raise ArchiveError("the archive holds more bytes than are allowed", hint=LARGER)
        return data


def decompressed(stream: IO[bytes], head: bytes, limits: Limits) -> _Decompressed:
    """Return the tar within ``stream``, told by the first bytes."""
    if head.startswith(b"\x1f\x8b"):
        return _Decompressed(gzip.GzipFile(fileobj=stream), limits, ())
    if head.startswith(b"BZh"):
        return _Decompressed(bz2.BZ2File(stream), limits, ())
    if head.startswith(b"\xfd7zXZ\x00"):
        return _Decompressed(lzma.LZMAFile(stream), limits, ())
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        import zstandard

        reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True)
        return _Decompressed(reader, limits, (zstandard.ZstdError,))
    try:
        tarfile.TarInfo.frombuf(head, tarfile.ENCODING, "surrogateescape")
    except tarfile.HeaderError as error:
        raise ArchiveError(
            "the archive is neither a zip nor a tar, plain or by gzip, bzip2, xz or zstd"
        ) from error
    return _Decompressed(stream, limits, ())


class BoundedTarInfo(tarfile.TarInfo):
    """A header whose extensions are short enough to be read into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> BoundedTarInfo:
        """Read a header; raises :class:`ArchiveError` for an oversized extension."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in EXTENSIONS and header.size > LONGEST_EXTENSION:
            raise ArchiveError(f"the archive has a header of {header.size} bytes")
        return header


def _extract_tar(stream: _Decompressed, extraction: Extraction) -> None:
    with tarfile.open(
        fileobj=cast("IO[bytes]", stream),
        mode="r|",
        bufsize=TAR_BUFFER,
        tarinfo=BoundedTarInfo,
        errors="surrogateescape",
    ) as tar:
        for member in tar:
            if member.isreg():
                content = tar.extractfile(member)
                assert content is not None, "regular members have content"  # noqa: S101
                extraction.file(
                    member.name,
                    _chunks(content),
                    executable=bool(member.mode & 0o111),
                    mtime=member.mtime,
                )
            elif member.isdir():
                extraction.directory(member.name, member.mtime)
            elif member.issym():
                extraction.symlink(member.name, member.linkname)
            elif member.islnk():
                extraction.hard_link(member.name, member.linkname)
            else:
                raise _special(member.name)


def _extract_zip(stream: IO[bytes], extraction: Extraction) -> None:
    with zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            if member.flag_bits & ZIP_ENCRYPTED:
                raise ArchiveError(f"the archive's member {member.filename!r} is encrypted")
            mode = member.external_attr >> 16 if member.create_system == UNIX else 0
            if member.is_dir():
                extraction.directory(member.filename, _zip_time(member))
                continue
            with archive.open(member) as content:
                if stat.S_ISLNK(mode):
                    target = content.read(LONGEST_SYMLINK).decode("utf-8", "surrogateescape")
                    extraction.symlink(member.filename, target)
                elif stat.S_IFMT(mode) in (0, stat.S_IFREG):
                    extraction.file(
                        member.filename,
                        _chunks(content),
                        executable=bool(mode & 0o111),
                        mtime=_zip_time(member),
                    )
                else:
                    raise _special(member.filename)


def _special(name: str) -> ArchiveError:
    return ArchiveError(f"the archive's member {name!r} is a device, a fifo or unknown")


def _chunks(content: IO[bytes]) -> Iterator[bytes]:
    return iter(lambda: content.read(CHUNK), b"")


def _zip_time(member: zipfile.ZipInfo) -> int:
    """Return a member's time, which a zip keeps without a zone; some hold the month 0."""
    year, month, day, *time = member.date_time
    return calendar.timegm((year, min(max(month, 1), 12), max(day, 1), *time))
