"""Decompression of archives that may be damaged or hostile, in pieces of bounded size."""

from __future__ import annotations

import lzma
import sys
import zlib
from collections.abc import Iterator
from typing import IO, Final, Protocol

from omnibuild.errors import PackageError

# So little at a time that even what inflates to a thousandfold fits into memory.
INPUT_SIZE: Final = 1 << 13

# More than hosts have room for; a few megabytes can claim to hold a thousand times as much.
MOST_BYTES: Final = 1 << 36


class Decompressor(Protocol):
    """What the decompressors of zlib, lzma and zstandard have in common."""

    @property
    def eof(self) -> bool:
        """Whether the end of the compressed stream was seen."""

    @property
    def unused_data(self) -> bytes:
        """What followed the end."""

    def decompress(self, data: bytes, /) -> bytes:
        """Take ``data``; return what it holds."""


def decompressed(
    stream: IO[bytes], name: str, size: int = sys.maxsize, *, single: bool = False
) -> Iterator[bytes]:
    """Yield what the next ``size`` bytes hold, and check all checksums of the format.

    Args:
        stream: where the compressed bytes begin.
        name: of the file; its suffix says how it is compressed, if at all.
        size: of the compressed bytes; to the end of the stream if omitted.
        single: whether only one frame may be there, as dpkg reads no further.

    Raises :class:`PackageError` where it is damaged, cut off, or holds more than anything does.
    """
    import zstandard

    suffix = name.rpartition(".")[2]
    pieces = _blocks(stream, size)
    if suffix != "tar":
        pieces = _inflated(pieces, suffix, single=single and suffix != "gz")
    left = MOST_BYTES
    try:
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                raise PackageError(f"its {name} unpacks to more than {MOST_BYTES} bytes")
            yield piece
    except (zlib.error, lzma.LZMAError, zstandard.ZstdError, EOFError) as error:
        raise PackageError(
            f"the package is damaged: its {name} cannot be unpacked", why=str(error)
        ) from error


def _inflated(blocks: Iterator[bytes], suffix: str, *, single: bool) -> Iterator[bytes]:
    decompressor = _decompressor(suffix)
    for block in blocks:
        rest = block
        while rest:
            if decompressor.eof:
                if single:
                    raise EOFError("data follows the only frame that is ever read")
                decompressor = _decompressor(suffix)
            yield decompressor.decompress(rest)
            rest = decompressor.unused_data if decompressor.eof else b""
    if not decompressor.eof:
        raise EOFError("it ends too early")


def _decompressor(suffix: str) -> Decompressor:
    import zstandard

    if suffix == "zst":
        return zstandard.ZstdDecompressor().decompressobj()
    if suffix == "xz":
        return lzma.LZMADecompressor()
    return zlib.decompressobj(zlib.MAX_WBITS | 16)


def _blocks(stream: IO[bytes], size: int) -> Iterator[bytes]:
    left = size
    while block := stream.read(min(left, INPUT_SIZE)):
        left -= len(block)
        yield block
