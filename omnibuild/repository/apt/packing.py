"""Packages files as gzip and xz, made of pieces, so that an addition compresses the last one only.

gzip takes members one after another, and a block of xz holds chunks of LZMA2 one after another.
Pieces are kept beside the repository's state; the same pieces give the same bytes as ever.
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from omnibuild import digests
from omnibuild.digests import Digest

GZIP_LEVEL = 6
# A piece is hardly ever larger than this window; the window of the preset would take memory only.
WINDOW = 1 << 20
_WINDOW_CODE = b"\x10"
_LZMA2 = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": WINDOW}]
_LZMA2_END = b"\x00"
_CRC32 = b"\x00\x01"

Pieces = Mapping[Digest, tuple[bytes, bytes]]


@dataclass(frozen=True)
class Packed:
    """One Packages file in the forms in which it is served.

    Args:
        pieces: what its pieces became, gzip and xz, by the digests of their text.
    """

    plain: bytes
    gzip: bytes
    xz: bytes
    pieces: Pieces


def pack(texts: Sequence[bytes], known: Pieces) -> Packed:
    """Pack a file that is these texts in a row; what is ``known`` is not compressed again."""
    found = {}
    for text in texts:
        digest = digests.of_bytes(text)
        found[digest] = known.get(digest) or (_gzip(text), _lzma2(text))
    order = [found[digests.of_bytes(text)] for text in texts]
    plain = b"".join(texts)
    return Packed(
        plain,
        b"".join(packed for packed, _ in order) or _gzip(b""),
        _xz(plain, b"".join(packed for _, packed in order)),
        found,
    )


def dump(pieces: Pieces) -> bytes:
    """Return pieces as a file that says when it is damaged."""
    data = msgspec.msgpack.encode(pieces)
    return digests.of_bytes(data).encode() + data


def load(data: bytes) -> Pieces:
    """Read what :func:`dump` wrote; nothing of it when a byte is not as it was."""
    length = len(digests.of_bytes(b""))
    if data[:length] != digests.of_bytes(data[length:]).encode():
        return {}
    return msgspec.msgpack.decode(data[length:], type=dict[str, tuple[bytes, bytes]])


def _gzip(text: bytes) -> bytes:
    return gzip.compress(text, GZIP_LEVEL, mtime=0)


def _lzma2(text: bytes) -> bytes:
    """Return chunks of LZMA2 that begin anew, without the mark of the end."""
    return lzma.compress(text, format=lzma.FORMAT_RAW, filters=_LZMA2).removesuffix(_LZMA2_END)


def _xz(plain: bytes, chunks: bytes) -> bytes:
    """Return an .xz file: one stream of one block, as the format's specification (1.2.1) says."""
    header = _checked(b"\x02\x00\x21\x01" + _WINDOW_CODE + bytes(3))
    data = chunks + _LZMA2_END
    check = _crc(plain)
    block = header + _padded(data) + check if plain else b""
    size = len(header) + len(data) + len(check)
    records = _number(size) + _number(len(plain)) if plain else b""
    index = _checked(_padded(b"\x00" + _number(1 if plain else 0) + records))
    backward = (len(index) // 4 - 1).to_bytes(4, "little") + _CRC32
    start = b"\xfd7zXZ\x00" + _CRC32 + _crc(_CRC32)
    return start + block + index + _crc(backward) + backward + b"YZ"


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


def _checked(data: bytes) -> bytes:
    return data + _crc(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _number(value: int) -> bytes:
    """Return a number as seven bits a byte, the lowest first."""
    found = []
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
