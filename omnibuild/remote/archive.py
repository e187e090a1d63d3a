"""A tree as one deterministic tar.zst, and back, with no way out of the new directory.

Times and owners are not part of a tree: every file gets the same time, in the archive and on
disk, so that nothing depends on when and where a tree was unpacked.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import struct
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from omnibuild.tree import Entry, Kind, Tree

# 1980, the oldest time that all tools can handle (zip files, and so wheels, know none before).
FIXED_TIME = 315_532_800

# Trees are packed once and fetched often, over networks of a gigabit: level 3 keeps up with them.
ZSTD_LEVEL = 3
MOST_WORKERS = 8

CHUNK = 1 << 20
# Runs of zeros at least this long and so aligned become holes.
HOLE = 1 << 16
# tarfile copies what is left of its buffer at every read: a large one is slow.
TAR_BUFFER = 1 << 16

# Real trees are far below; more is an attack on the disk.
MOST_BYTES = 64 << 30
MOST_ENTRIES = 1_000_000
LONGEST_NAME = 1 << 16

TYPES = {
    Kind.FILE: tarfile.REGTYPE,
    Kind.DIRECTORY: tarfile.DIRTYPE,
    Kind.SYMLINK: tarfile.SYMTYPE,
    Kind.HARDLINK: tarfile.LNKTYPE,
}
LONG_NAMES = (tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)

# How tarfile says that it is fed rubbish.
DAMAGED = (
    *(tarfile.TarError, struct.error, EOFError, ValueError),
    *(IndexError, OverflowError, RecursionError),
)
# Errors of the system that only the archive's names can cause.
IMPOSSIBLE_NAMES = (errno.ENAMETOOLONG, errno.EMLINK, errno.EINVAL, errno.EILSEQ)


class BadObjectError(Exception):
    """An object is not what its name promises; says why in words."""


class BoundedFile(io.FileIO):
    """A file that is appended to, up to a size."""

    def __init__(self, path: Path, most: int) -> None:
        super().__init__(path, "ab")
        self._most = most

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Append ``data``; raises :class:`BadObjectError` when it gets too much."""
        if self._most and self.tell() + len(data) > self._most:
            raise BadObjectError(f"it has more than {self._most / 1e6:g} MB (see --max-download)")
        view = memoryview(data)
        while view:
            view = view[super().write(view) :]
        return len(data)


def pack(tree: Tree, root: Path, stream: IO[bytes]) -> None:
    """Write the tree at ``root`` as a compressed archive.

    Args:
        tree: the list of what is there.
        root: the directory.
        stream: takes the archive, a piece at a time.

    Raises:
        BadObjectError: a file is not what the list says.
        OSError: as reading and writing do.
    """
    import zstandard

    # The bytes do not depend on the number of workers as long as there is one.
    workers = min(len(os.sched_getaffinity(0)), MOST_WORKERS)
    parameters = zstandard.ZstdCompressionParameters.from_level(ZSTD_LEVEL, threads=workers)
    compressor = zstandard.ZstdCompressor(compression_params=parameters)
    with compressor.stream_writer(stream, closefd=False) as writer:
        for block in _blocks(tree, root):
            writer.write(block)


def _blocks(tree: Tree, root: Path) -> Iterator[bytes]:
    for entry in tree.entries:
        yield _header(entry)
        if entry.kind is Kind.FILE:
            yield from _content(root, entry)
            yield bytes(-entry.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


def _header(entry: Entry) -> bytes:
    info = tarfile.TarInfo(entry.path)
    info.type = TYPES[entry.kind]
    info.mode = entry.mode
    info.size = entry.size if entry.kind is Kind.FILE else 0
    info.mtime = FIXED_TIME
    info.linkname = entry.target
    return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def _content(root: Path, entry: Entry) -> Iterator[bytes]:
    """Yield a file's content; raises when it is damaged, before anybody else gets it."""
    sha256 = hashlib.sha256()
    with (root / entry.path).open("rb") as stream:
        size = 0
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            sha256.update(chunk)
            yield chunk
    if size != entry.size or sha256.hexdigest() != entry.digest:
        raise BadObjectError(f"{entry.path!r} is damaged in the local store")


def unpack(archive: IO[bytes], target: Path) -> None:
    """Unpack what :func:`pack` wrote into the new directory ``target``.

    Every parent must have come as a directory before, no name comes twice: so nothing is written
    through a symlink, wherever it leads.

    Raises:
        BadObjectError: it is damaged, or no such archive.
        OSError: as writing does.
    """
    import zstandard

    reader = zstandard.ZstdDecompressor().stream_reader(archive)
    try:
        with tarfile.open(
            fileobj=cast("IO[bytes]", reader),
            mode="r|",
            bufsize=TAR_BUFFER,
            tarinfo=_BoundedHeader,
            encoding="utf-8",
            errors="surrogateescape",
        ) as tar:
            unpacking = _Unpacking(target)
            for member in tar:
                unpacking.add(member, tar)
            unpacking.finish()
    except (zstandard.ZstdError, *DAMAGED) as error:
        raise BadObjectError(str(error) or type(error).__name__) from error
    except OSError as error:
        if error.errno not in IMPOSSIBLE_NAMES:
            raise
        raise BadObjectError(str(error)) from error


class _BoundedHeader(tarfile.TarInfo):
    """A header whose long names fit into memory; no other extensions are known."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _BoundedHeader:
        """Read a header."""
        header = super().frombuf(buf, encoding, errors)
        if header.type in LONG_NAMES and header.size > LONGEST_NAME:
            raise BadObjectError(f"it has a name of {header.size} bytes")
        if header.type not in LONG_NAMES and header.type not in TYPES.values():
            raise BadObjectError(f"it has a member of the type {header.type!r}")
        return header


class _Unpacking:
    """A directory that takes the members of an archive one after the other."""

    def __init__(self, target: Path) -> None:
        self._target = target
        self._directories = {"": 0o755}
        self._files: set[str] = set()
        self._names: set[str] = set()
        self._size = 0
        target.mkdir(mode=0o700)

    def add(self, member: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
        """Add a member."""
        self._check(member.name)
        path = self._target / member.name
        if member.type == tarfile.DIRTYPE:
            path.mkdir(mode=0o700)
            self._directories[member.name] = member.mode
        elif member.type == tarfile.SYMTYPE:
            if not member.linkname:
                raise BadObjectError(f"the symlink {member.name!r} leads nowhere")
            path.symlink_to(member.linkname)
            os.utime(path, (FIXED_TIME, FIXED_TIME), follow_symlinks=False)
        elif member.type == tarfile.LNKTYPE:
            if member.linkname not in self._files:
                raise BadObjectError(f"the hard link {member.name!r} leads to no file")
            os.link(self._target / member.linkname, path)
        else:
            self._write(path, member, tar)
            self._files.add(member.name)

    def finish(self) -> None:
        """Set modes and times of the directories, which had to be open until now."""
        for name, mode in reversed(self._directories.items()):
            path = self._target / name
            path.chmod(mode & 0o7777)
            os.utime(path, (FIXED_TIME, FIXED_TIME))

    def _check(self, name: str) -> None:
        parent, _, last = name.rpartition("/")
        if parent not in self._directories or last in ("", ".", "..") or name.startswith("/"):
            raise BadObjectError(f"the member {name!r} has no directory to be in")
        if name in self._names:
            raise BadObjectError(f"the member {name!r} comes twice")
        if len(self._names) >= MOST_ENTRIES:
            raise BadObjectError(f"it has more than {MOST_ENTRIES} entries")
        self._names.add(name)

    def _write(self, path: Path, member: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
        content = tar.extractfile(member)
        if content is None:
            raise BadObjectError(f"the member {member.name!r} has no content")
        self._size += member.size
        if self._size > MOST_BYTES:
            raise BadObjectError(f"it holds more than {MOST_BYTES} bytes")
        with path.open("xb") as stream:
            while chunk := content.read(HOLE):
                if len(chunk) == HOLE and not chunk.strip(b"\0"):
                    stream.seek(HOLE, os.SEEK_CUR)
                else:
                    stream.write(chunk)
            stream.truncate(member.size)
            os.fchmod(stream.fileno(), member.mode & 0o7777)
            os.utime(stream.fileno(), (FIXED_TIME, FIXED_TIME))
