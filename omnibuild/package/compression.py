"""Compression of archives: the same bytes from run to run and on any number of processors."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Mapping
from typing import Final, Literal, Protocol

Compression = Literal["zstd", "xz", "gzip"]
# How much time small packages are worth: `quick` while somebody waits, `release` for publishing.
Effort = Literal["quick", "release"]

# Figures and reasons are in docs/decisions/0017-compression-level.md.
LEVELS: Final[Mapping[Effort, Mapping[Compression, int]]] = {
    "quick": {"zstd": 3, "gzip": 1, "xz": 1},
    "release": {"zstd": 9, "gzip": 6, "xz": 6},
}

# zstd's workers hold a window and a job each; more of them cost memory, and reading is the limit.
MOST_WORKERS = 8
# Calls into a compressor have a price, so small pieces (tar headers) are gathered.
BLOCK_SIZE = 1 << 18


class Sink(Protocol):
    """Where bytes go: a file, or a writer of this module."""

    def write(self, data: bytes, /) -> object:
        """Take ``data``."""


class Compressor(Protocol):
    """What zlib, lzma and zstandard have in common."""

    def compress(self, data: bytes, /) -> bytes:
        """Take ``data``; return what can be written already."""

    def flush(self) -> bytes:
        """Return the rest."""


def compressor(compression: Compression, effort: Effort = "release") -> Compressor:
    """Return a compressor that makes one zstd frame, one xz stream or one gzip member."""
    level = LEVELS[effort][compression]
    if compression == "gzip":
        return _gzip(level)
    if compression == "xz":
        import lzma

        return lzma.LZMACompressor(preset=level)
    return zstd_compressor(min(len(os.sched_getaffinity(0)), MOST_WORKERS), level)


def gzipped(data: bytes) -> bytes:
    """Return a file as ``gzip -9n`` has it: as Debian's policy wants documents."""
    best = _gzip(9)
    return best.compress(data) + best.flush()


def _gzip(level: int) -> Compressor:
    return zlib.compressobj(level, zlib.DEFLATED, zlib.MAX_WBITS | 16)


def zstd_compressor(workers: int, level: int) -> Compressor:
    """Return a zstd compressor.

    The bytes do not depend on ``workers`` as long as there is at least one: without any, zstd
    cuts its input elsewhere.
    """
    import zstandard

    # With a checksum of the content: whoever decompresses finds a damaged byte, also dpkg and rpm.
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level, threads=workers, write_checksum=True
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compressobj()


class CompressingSink:
    """Compresses what is written into ``target``; :meth:`close` writes the end."""

    def __init__(self, target: Sink, compression: Compression, effort: Effort) -> None:
        self._target = target
        self._compressor = compressor(compression, effort)
        self._pending: list[bytes] = []
        self._size = 0

    def write(self, data: bytes, /) -> None:
        """Take ``data``."""
        self._pending.append(data)
        self._size += len(data)
        if self._size >= BLOCK_SIZE:
            self._compress_pending()

    def close(self) -> None:
        """Write what is left; the target stays open."""
        self._compress_pending()
        self._target.write(self._compressor.flush())

    def _compress_pending(self) -> None:
        self._target.write(self._compressor.compress(b"".join(self._pending)))
        self._pending.clear()
        self._size = 0


class HashingSink:
    """Passes bytes on, and knows their number and SHA-256."""

    def __init__(self, target: Sink) -> None:
        self._target = target
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes, /) -> None:
        """Take ``data``."""
        self._hash.update(data)
        self.size += len(data)
        self._target.write(data)

    @property
    def digest(self) -> str:
        """The SHA-256 of all bytes so far."""
        return self._hash.hexdigest()


def libraries_of(*compressions: Compression) -> dict[str, str]:
    """Return the versions of the libraries that decide the bytes of what is compressed so."""
    found = {}
    if "zstd" in compressions:
        import zstandard

        found["zstandard"] = zstandard.__version__
        found["libzstd"] = ".".join(map(str, zstandard.ZSTD_VERSION))
    if "xz" in compressions:
        found["liblzma"] = _liblzma_version()
    if "gzip" in compressions:
        found["zlib"] = zlib.ZLIB_RUNTIME_VERSION
    return found


def _liblzma_version() -> str:
    """Return what Python's module does not tell; where it is built in, the interpreter's build."""
    import _lzma
    import ctypes
    import sys

    try:
        version = ctypes.CDLL(_lzma.__file__).lzma_version_string
    except (AttributeError, OSError):
        return f"python {sys.version}"
    version.restype = ctypes.c_char_p
    return str(version().decode())
