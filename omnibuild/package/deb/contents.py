"""The archives inside a .deb, read as strictly as dpkg reads them, without trusting the file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import IO, Final

from msgspec import Struct

from omnibuild.errors import PackageError
from omnibuild.package.deb.ar import ArMember, ar_members
from omnibuild.package.decompression import decompressed
from omnibuild.patterns import regex

BLOCK: Final = 512
# A control archive holds scripts and checksums: 100,000 files make 10 MB of them.
LARGEST_CONTROL_ARCHIVE: Final = 64 << 20
LONGEST_NAME: Final = 1 << 16
COMPRESSIONS: Final = ("", ".gz", ".xz", ".zst")

_END: Final = bytes(BLOCK)

REGULAR: Final = frozenset(b"0\0")
# dpkg extracts these, and names that are too long for a header come before them.
OTHER_TYPES: Final = frozenset(b"123456")
LINKS: Final = frozenset(b"12")
LONG_NAME, LONG_TARGET = b"L", b"K"

_FORMAT = regex(rb"2\.[0-9]+\n")
_OCTAL = regex(rb" *[0-7]+[ \0]*|\0*")
_SUM = regex(rb"([0-9a-f]{32}) [ *](?:\./)?(.+)")


class TarFile(Struct, frozen=True):
    """A regular file of an archive; ``name`` without a leading ``./``."""

    name: bytes
    content: Iterator[bytes]


def deb_parts(stream: IO[bytes]) -> tuple[ArMember, ArMember]:
    """Return where the control and the data archive lie; raises :class:`PackageError`."""
    members = [member for member in ar_members(stream) if not member.name.startswith("_")]
    names = [member.name for member in members]
    for number, stem in enumerate(("debian-binary", "control.tar", "data.tar")):
        found = names[number] if number < len(names) else "nothing"
        allowed = [stem + suffix for suffix in (COMPRESSIONS if number else ("",))]
        if found not in allowed:
            raise PackageError(
                f"member {number + 1} of the .deb is {found}, not {' or '.join(allowed)}"
            )
    if len(members) > 3:
        raise PackageError(f"the .deb has a member too many: {names[3]!r}")
    stream.seek(members[0].offset)
    if not _FORMAT.fullmatch(stream.read(min(members[0].size, 64))):
        raise PackageError("its debian-binary names another format than 2")
    return members[1], members[2]


def control_files(stream: IO[bytes], part: ArMember) -> dict[bytes, bytes]:
    """Return the files of the control archive."""
    found: dict[bytes, bytes] = {}
    left = LARGEST_CONTROL_ARCHIVE
    for file in tar_files(stream, part):
        content = bytearray()
        for piece in file.content:
            content += piece
            left -= len(piece)
            if left < 0:
                raise PackageError("its control archive is far too large")
        if file.name in found:
            raise PackageError(f"its control archive holds {file.name!r} twice")
        found[file.name] = bytes(content)
    return found


def check_contents(
    stream: IO[bytes], part: ArMember, md5sums: bytes, wanted: Mapping[bytes, int] | None = None
) -> dict[bytes, bytes]:
    """Read all files of a package.

    Args:
        stream: the package.
        part: its data archive.
        md5sums: the checksums that its control archive has.
        wanted: the files to return, and how many bytes of each are wanted at most.

    Raises :class:`PackageError` for a file with another checksum.
    """
    expected = {match[2]: match[1] for match in map(_SUM.fullmatch, md5sums.split(b"\n")) if match}
    kept: dict[bytes, bytes] = {}
    for file in tar_files(stream, part):
        digest = hashlib.md5(usedforsecurity=False)
        left = (wanted or {}).get(file.name, 0)
        for piece in file.content:
            digest.update(piece)
            if left:
                kept[file.name] = kept.get(file.name, b"") + piece[:left]
                left -= len(piece[:left])
        found = digest.hexdigest().encode()
        if expected.get(file.name, found) != found:
            name = file.name.decode(errors="backslashreplace")
            raise PackageError(f"the package is damaged: /{name} has not the MD5 of its md5sums")
    return kept


def tar_files(stream: IO[bytes], part: ArMember, *, links: bool = False) -> Iterator[TarFile]:
    """Yield the regular files of an archive; each content is to be read before the next file.

    With ``links`` those are among them, as files without content.
    """
    stream.seek(part.offset)
    source = _Source(decompressed(stream, part.name, part.size, single=True))
    name = b""
    while (header := source.exactly(BLOCK)) != _END:
        kind, size = _checked(header)
        if kind in (LONG_NAME, LONG_TARGET):
            if size > LONGEST_NAME:
                raise PackageError("an archive in the .deb holds an endless name")
            text = source.exactly(size).split(b"\0")[0]
            name = text if kind == LONG_NAME else name
        elif kind[0] in REGULAR:
            # Whoever looks only at the name leaves the content to us.
            content = source.pieces(size)
            yield TarFile((name or _name(header)).removeprefix(b"./"), content)
            for _ in content:
                pass
            name = b""
        elif kind[0] in OTHER_TYPES:
            if links and kind[0] in LINKS:
                yield TarFile((name or _name(header)).removeprefix(b"./"), iter(()))
            size, name = 0, b""
        else:
            raise PackageError(f"an archive in the .deb holds a member of type {kind!r}")
        source.exactly(-size % BLOCK)
    source.drain()


def _checked(header: bytes) -> tuple[bytes, int]:
    """Return a member's type and size, when its checksum is right."""
    fields = (header[148:156], header[124:136])
    if header[124] == 0x80:
        fields = (header[148:156], b"")
    if not all(map(_OCTAL.fullmatch, fields)):
        raise PackageError("an archive in the .deb is damaged: a header holds no number")
    expected, size = (int(field.strip(b" \0") or b"0", 8) for field in fields)
    if header[124] == 0x80:
        size = int.from_bytes(header[125:136])
    if sum(header) - sum(header[148:156]) + 8 * ord(" ") != expected:
        raise PackageError("an archive in the .deb is damaged: a header has another checksum")
    return header[156:157], size


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0")[0]
    # GNU's own format keeps other things where POSIX has the prefix.
    prefix = header[345:500].split(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


class _Source:
    """Exact numbers of bytes from pieces of any size."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = memoryview(b"")

    def pieces(self, size: int) -> Iterator[bytes]:
        while size:
            while not self._buffer:
                try:
                    self._buffer = memoryview(next(self._pieces))
                except StopIteration:
                    raise PackageError("an archive in the .deb ends too early") from None
            piece = bytes(self._buffer[:size])
            self._buffer = self._buffer[len(piece) :]
            size -= len(piece)
            yield piece

    def exactly(self, size: int) -> bytes:
        if size <= len(self._buffer):
            # Nearly always.
            found = bytes(self._buffer[:size])
            self._buffer = self._buffer[size:]
            return found
        return b"".join(self.pieces(size))

    def drain(self) -> None:
        """Read on to the end, so that the compression's checksum is seen."""
        for _ in self._pieces:
            pass
