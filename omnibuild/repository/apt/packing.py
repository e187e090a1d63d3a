"""Packages files as gzip and xz, made of pieces, so that a change compresses what it concerns only.

gzip takes members one after another, and a block of xz holds chunks of LZMA2 one after another.
What a file is made of is recorded beside the repository's state: its pieces are cut out of it to
make the next one.
"""

from __future__ import annotations

import gzip
import hashlib
import lzma
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec
from msgspec import Struct

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.repository.state.damage import UNREADABLE

GZIP_LEVEL = 6
# What zlib calls a window of any size in the form of gzip.
_GZIP_MEMBER = zlib.MAX_WBITS | 16
# A piece is hardly ever larger than this window; the window of the preset would take memory only.
WINDOW = 1 << 20
_WINDOW_CODE = b"\x10"
_LZMA2 = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": WINDOW}]
_LZMA2_END = b"\x00"
# The kind of check, and how many bytes it takes.
_CRC32 = b"\x00\x01"
_CHECK = 4

# What pieces became, gzip and LZMA2, by their names.
Known = Mapping[Digest, tuple[bytes, bytes]]


class Piece(Struct, frozen=True):
    """A part of a file: equal names are equal texts.

    Args:
        text: makes it, when it is not known what it became.
    """

    name: Digest
    text: Callable[[], bytes]


class Record(Struct, frozen=True):
    """Of which pieces a file is made: their names and lengths, and its digest in both forms."""

    pieces: tuple[Digest, ...]
    gzip_lengths: tuple[int, ...]
    xz_lengths: tuple[int, ...]
    gzip: Digest
    xz: Digest


class Packed(Struct, frozen=True):
    """One Packages file in the forms in which it is served.

    Args:
        digest: of the plain text.
        size: of the plain text, in bytes.
    """

    digest: Digest
    size: int
    gzip: bytes
    xz: bytes
    record: Record


def pack(pieces: Sequence[Piece], known: Known) -> Packed:
    """Pack a file that is these pieces in a row; what is ``known`` is not compressed again."""
    found = [known.get(piece.name) or _forms(piece.text()) for piece in pieces]
    packed = b"".join(form for form, _ in found) or _gzip(b"")
    digest, size, check = hashlib.sha256(), 0, 0
    for form, _ in found:
        text = zlib.decompress(form, _GZIP_MEMBER)
        digest.update(text)
        check = zlib.crc32(text, check)
        size += len(text)
    xz = _xz(size, check, b"".join(form for _, form in found))
    record = Record(
        tuple(piece.name for piece in pieces),
        tuple(len(form) for form, _ in found),
        tuple(len(form) for _, form in found),
        digests.of_bytes(packed),
        digests.of_bytes(xz),
    )
    return Packed(digest.hexdigest(), size, packed, xz, record)


def cut(record: Record, packed: bytes, xz: bytes) -> Known:
    """Return the pieces of a file in both its forms; nothing when a byte is not as it was."""
    if (digests.of_bytes(packed), digests.of_bytes(xz)) != (record.gzip, record.xz):
        return {}
    forms = zip(
        _slices(packed, 0, record.gzip_lengths),
        _slices(xz, _XZ_START, record.xz_lengths),
        strict=True,
    )
    return dict(zip(record.pieces, forms, strict=True))


def dump(record: Record) -> bytes:
    """Return a record as a file."""
    return msgspec.json.encode(record) + b"\n"


def load(data: bytes) -> Record | None:
    """Read what :func:`dump` wrote; nothing when it is damaged: then all is compressed again."""
    try:
        record = msgspec.json.decode(data, type=Record)
    except UNREADABLE:
        return None
    lengths = {len(record.pieces), len(record.gzip_lengths), len(record.xz_lengths)}
    return record if len(lengths) == 1 else None


def _slices(data: bytes, start: int, lengths: Sequence[int]) -> Iterator[bytes]:
    for length in lengths:
        yield data[start : start + length]
        start += length


def _forms(text: bytes) -> tuple[bytes, bytes]:
    return _gzip(text), _lzma2(text)


def _gzip(text: bytes) -> bytes:
    return gzip.compress(text, GZIP_LEVEL, mtime=0)


def _lzma2(text: bytes) -> bytes:
    """Return chunks of LZMA2 that begin anew, without the mark of the end."""
    return lzma.compress(text, format=lzma.FORMAT_RAW, filters=_LZMA2).removesuffix(_LZMA2_END)


def _xz(size: int, check: int, chunks: bytes) -> bytes:
    """Return an .xz file: one stream of one block, as the format's specification (1.2.1) says.

    Args:
        size: of the plain text.
        check: its CRC32.
        chunks: what it became.
    """
    data = chunks + _LZMA2_END
    block = _XZ_BLOCK + _padded(data) + check.to_bytes(4, "little") if size else b""
    length = len(_XZ_BLOCK) + len(data) + _CHECK
    records = _number(length) + _number(size) if size else b""
    index = _checked(_padded(b"\x00" + _number(1 if size else 0) + records))
    backward = (len(index) // 4 - 1).to_bytes(4, "little") + _CRC32
    return _XZ_STREAM + block + index + _crc(backward) + backward + b"YZ"


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


_XZ_STREAM = b"\xfd7zXZ\x00" + _CRC32 + _crc(_CRC32)
_XZ_BLOCK = _checked(b"\x02\x00\x21\x01" + _WINDOW_CODE + bytes(3))
_XZ_START = len(_XZ_STREAM) + len(_XZ_BLOCK)
