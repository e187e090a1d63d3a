"""The header structure of rpm: typed values by tag, encoded and decoded.

A header is a magic, the numbers of index entries and of data bytes, the index (tag, type, offset,
count), and the data. Its first entry is the *region*: it says that all others belong to the
immutable part that digests and signatures cover.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import IO, Final, cast

from omnibuild.errors import PackageError

# What a file begins with, before its headers.
LEAD: Final = struct.Struct(">4sBBhh66shh16x")
LEAD_MAGIC: Final = b"\xed\xab\xee\xdb"
SIGNATURE_ALIGNMENT: Final = 8

MAGIC: Final = b"\x8e\xad\xe8\x01\0\0\0\0"
INTRO: Final = struct.Struct(">8sII")
ENTRY: Final = struct.Struct(">IIII")
REGION: Final = struct.Struct(">IIiI")
# The limits that rpm itself enforces.
MOST_ENTRIES: Final = 0xFFFF
LARGEST_DATA: Final = 0x0FFFFFFF


class Type(IntEnum):
    """Types of values, by rpm's numbers."""

    CHAR = 1
    INT8 = 2
    INT16 = 3
    INT32 = 4
    INT64 = 5
    STRING = 6
    BINARY = 7
    STRINGS = 8
    TRANSLATED = 9


INTEGERS: Final = {
    Type.CHAR: "B",
    Type.INT8: "B",
    Type.INT16: "H",
    Type.INT32: "I",
    Type.INT64: "Q",
}

# Smaller ones are regions, larger ones negative for rpm.
TAGS: Final = range(100, 1 << 31)
_TYPES: Final = {int(kind): kind for kind in Type}

_WIDTHS: Final = {kind: struct.calcsize(code) for kind, code in INTEGERS.items()}

Value = bytes | tuple[str, ...] | tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Field:
    """A value with the type that rpm wants for its tag."""

    type: Type
    value: Value

    def encoded(self) -> bytes:
        """Return the value as it stands in the data part."""
        if isinstance(self.value, bytes):
            return self.value
        if self.type in INTEGERS:
            return struct.pack(f">{len(self.value)}{INTEGERS[self.type]}", *self.value)
        return b"".join(str(item).encode() + b"\0" for item in self.value)

    @property
    def alignment(self) -> int:
        """Where its data may begin."""
        return struct.calcsize(INTEGERS[self.type]) if self.type in INTEGERS else 1


def string(text: str) -> Field:
    """Make a field of one string."""
    return Field(Type.STRING, (text,))


def strings(texts: Iterable[str]) -> Field:
    """Make a field of several strings."""
    return Field(Type.STRINGS, tuple(texts))


def translated(text: str) -> Field:
    """Make a field of a text in the package's only language."""
    return Field(Type.TRANSLATED, (text,))


def int16(numbers: Iterable[int]) -> Field:
    """Make a field of 16-bit numbers."""
    return Field(Type.INT16, tuple(numbers))


def int32(numbers: Iterable[int]) -> Field:
    """Make a field of 32-bit numbers."""
    return Field(Type.INT32, tuple(numbers))


def int64(numbers: Iterable[int]) -> Field:
    """Make a field of 64-bit numbers."""
    return Field(Type.INT64, tuple(numbers))


def encode_header(fields: Mapping[int, Field], region: int) -> bytes:
    """Return the header of ``fields``, all of them inside the region of that tag."""
    index = bytearray()
    data = bytearray()
    for tag, field in sorted(fields.items()):
        data += bytes(-len(data) % field.alignment)
        count = len(field.value)
        index += ENTRY.pack(tag, field.type, len(data), count)
        data += field.encoded()
    entries = len(fields) + 1
    if entries > MOST_ENTRIES or len(data) + REGION.size > LARGEST_DATA:
        raise PackageError("the payload has too many files for an rpm header")
    region_entry = ENTRY.pack(region, Type.BINARY, len(data), REGION.size)
    data += REGION.pack(region, Type.BINARY, -entries * ENTRY.size, REGION.size)
    return INTRO.pack(MAGIC, entries, len(data)) + region_entry + bytes(index) + bytes(data)


@dataclass(frozen=True)
class Header:
    """A header that was read; values are decoded, and checked, when they are asked for.

    Args:
        index: type, offset and count by tag.
        data: the data part.
        blob: the whole header as it stands in the file: what digests and signatures cover.
    """

    index: Mapping[int, tuple[Type, int, int]]
    data: bytes
    blob: bytes

    def strings(self, tag: int) -> tuple[str, ...]:
        """Return the strings of a tag; none when it is absent."""
        values = self.values(tag)
        return cast("tuple[str, ...]", values) if values and isinstance(values[0], str) else ()

    def text(self, tag: int) -> str:
        """Return the first string of a tag; empty when it is absent."""
        values = self.values(tag)
        return values[0] if values and isinstance(values[0], str) else ""

    def numbers(self, tag: int) -> tuple[int, ...]:
        """Return the numbers of a tag; none when it is absent."""
        values = self.values(tag)
        if isinstance(values, bytes) or not values or isinstance(values[0], str):
            return ()
        return values

    def number(self, *tags: int) -> int:
        """Return the first number of the first tag that is present, else 0."""
        return next((numbers[0] for tag in tags if (numbers := self.numbers(tag))), 0)

    def values(self, tag: int) -> Value:
        """Return what a tag holds; raises :class:`PackageError` where it is damaged."""
        if tag not in self.index:
            return ()
        kind, offset, count = self.index[tag]
        if kind in INTEGERS:
            layout = f">{count}{INTEGERS[kind]}"
            if offset + struct.calcsize(layout) > len(self.data):
                raise PackageError(f"tag {tag} of the rpm header is cut off")
            numbers: tuple[int, ...] = struct.unpack_from(layout, self.data, offset)
            return numbers
        if kind is Type.BINARY:
            if offset + count > len(self.data):
                raise PackageError(f"tag {tag} of the rpm header is cut off")
            return self.data[offset : offset + count]
        if count == 1:
            # Most are, and what follows need not be copied.
            end = self.data.find(b"\0", offset)
            texts = [self.data[offset:end]] if end >= 0 else []
        else:
            *texts, _ = self.data[offset:].split(b"\0", count)
        if len(texts) != count:
            raise PackageError(f"tag {tag} of the rpm header is cut off")
        try:
            return tuple(text.decode() for text in texts)
        except UnicodeDecodeError as error:
            raise PackageError(f"tag {tag} of the rpm header is not UTF-8") from error

    def fields(self) -> dict[int, Field]:
        """Return everything decoded, by tag."""
        return {tag: Field(entry[0], self.values(tag)) for tag, entry in self.index.items()}


def read_blob(stream: IO[bytes], region: int) -> bytes:
    """Read the header that begins at the stream's position as it is.

    Raises :class:`PackageError` where it is cut off, or no header.
    """
    intro = stream.read(INTRO.size)
    if len(intro) != INTRO.size or not intro.startswith(MAGIC):
        raise PackageError("an rpm header is missing or damaged")
    _, entries, size = INTRO.unpack(intro)
    if not 0 < entries <= MOST_ENTRIES or size > LARGEST_DATA:
        raise PackageError("an rpm header has an impossible size")
    body = stream.read(entries * ENTRY.size + size)
    if len(body) != entries * ENTRY.size + size:
        raise PackageError("an rpm header is cut off")
    _check_region(body, body[entries * ENTRY.size :], region)
    return intro + body


def read_header(stream: IO[bytes], region: int) -> Header:
    """Read the header that begins at the stream's position; the region itself is left out.

    Raises :class:`PackageError` where it is damaged or cut off.
    """
    blob = read_blob(stream, region)
    size = INTRO.unpack_from(blob)[2]
    data = blob[-size:]
    index: dict[int, tuple[Type, int, int]] = {}
    end = 0
    for tag, number, offset, count in ENTRY.iter_unpack(blob[INTRO.size + ENTRY.size : -size]):
        kind = _TYPES.get(number)
        if tag in index or tag not in TAGS or kind is None or not end <= offset < size:
            raise PackageError(f"tag {tag} of an rpm header is damaged")
        index[tag] = (kind, offset, count)
        end = _end_of(data, kind, offset, count)
        if not offset < end <= size - REGION.size:
            raise PackageError(f"tag {tag} of an rpm header is damaged")
    return Header(index, data, blob)


def _check_region(body: bytes, data: bytes, region: int) -> None:
    """Check the first entry and the last data, as rpm does: the region covers everything."""
    entries = (len(body) - len(data)) // ENTRY.size
    trailer = data[-REGION.size :]
    first = (region, Type.BINARY, len(data) - REGION.size, REGION.size)
    last = (Type.BINARY, -entries * ENTRY.size, REGION.size)
    if ENTRY.unpack_from(body) != first or len(trailer) != REGION.size:
        raise PackageError("an rpm header has no immutable region")
    if REGION.unpack(trailer)[1:] != last:
        raise PackageError("an rpm header has a damaged region")


def _end_of(data: bytes, kind: Type, offset: int, count: int) -> int:
    """Return where a value ends; 0 when it does not lie within the data as its type wants."""
    if kind in INTEGERS:
        width = _WIDTHS[kind]
        return 0 if offset % width else offset + width * count
    if kind is Type.BINARY:
        return offset + count
    if count == 0 or (kind is Type.STRING and count != 1):
        return 0
    end = offset
    for _ in range(count):
        end = data.find(b"\0", end) + 1
        if not end:
            return 0
    return end
