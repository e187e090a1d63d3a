"""Compression of archives: the same bytes from run to run and on any number of processors."""

from __future__ import annotations

import hashlib
import os
import zlib
from typing import Literal, Protocol

Compression = Literal["zstd", "xz", "gzip"]

# Level 9 is where zstd's curve bends for trees of binaries: about 10 % smaller than level 3 at
# three to four times the processor seconds; level 19 gains 10 % more and takes 25 times as long.
ZSTD_LEVEL = 9
# A gzip member serves hosts whose dpkg cannot read zstd; 9 gains under 1 % at twice the time.
GZIP_LEVEL = 6
XZ_PRESET = 6

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


def compressor(compression: Compression) -> Compressor:
    """Return a compressor that makes one zstd frame, one xz stream or one gzip member."""
    if compression == "gzip":
        return zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    if compression == "xz":
        import lzma

        return lzma.LZMACompressor(preset=XZ_PRESET)
    return zstd_compressor(min(len(os.sched_getaffinity(0)), MOST_WORKERS))


def zstd_compressor(workers: int) -> Compressor:
    """Return a zstd compressor.

    The bytes do not depend on ``workers`` as long as there is at least one: without any, zstd
    cuts its input elsewhere.
    """
    import zstandard

    parameters = zstandard.ZstdCompressionParameters.from_level(ZSTD_LEVEL, threads=workers)
    return zstandard.ZstdCompressor(compression_params=parameters).compressobj()


class CompressingSink:
    """Compresses what is written into ``target``; :meth:`close` writes the end."""

    def __init__(self, target: Sink, compression: Compression) -> None:
        self._target = target
        self._compressor = compressor(compression)
        self._pending = bytearray()

    def write(self, data: bytes, /) -> None:
        """Take ``data``."""
        self._pending += data
        if len(self._pending) >= BLOCK_SIZE:
            self._compress_pending()

    def close(self) -> None:
        """Write what is left; the target stays open."""
        self._compress_pending()
        self._target.write(self._compressor.flush())

    def _compress_pending(self) -> None:
        self._target.write(self._compressor.compress(bytes(self._pending)))
        self._pending.clear()


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
