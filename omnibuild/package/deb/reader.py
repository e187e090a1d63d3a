"""The control paragraph of a .deb, read without trusting the file."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

from omnibuild.errors import PackageError
from omnibuild.package.deb.ar import ar_members
from omnibuild.package.deb.control import parse_paragraph
from omnibuild.package.reading import reading

BLOCK = 512
# A control archive holds scripts and checksums: 100,000 files make 10 MB of them.
LARGEST_CONTROL_ARCHIVE = 64 << 20
REQUIRED_FIELDS = ("Package", "Version", "Architecture")

_OCTAL = re.compile(rb" *[0-7]+[ \0]*")


def read_deb_control(path: Path) -> dict[str, str]:
    """Return the fields of a package's control file in their order.

    Raises :class:`PackageError` whatever is wrong with the file.
    """
    with reading(path):
        fields = parse_paragraph(_control_text(_control_archive(path)))
        for name in REQUIRED_FIELDS:
            if not fields.get(name):
                raise PackageError(f"the control file has no {name}")
    return fields


def _control_archive(path: Path) -> bytes:
    with path.open("rb") as stream:
        for member in ar_members(stream):
            if member.name.startswith("control.tar") and member.name != "control.tar.gz":
                raise PackageError(f"its control archive is {member.name}, not control.tar.gz")
            if member.name == "control.tar.gz":
                stream.seek(member.offset)
                return _gunzip(stream.read(min(member.size, LARGEST_CONTROL_ARCHIVE)))
    raise PackageError("it has no control.tar.gz")


def _gunzip(data: bytes) -> bytes:
    decompressor = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        archive = decompressor.decompress(data, LARGEST_CONTROL_ARCHIVE)
    except zlib.error as error:
        raise PackageError("its control archive is damaged", why=str(error)) from error
    if not decompressor.eof:
        raise PackageError("its control archive is cut off or far too large")
    return archive


def _control_text(archive: bytes) -> str:
    try:
        return _control_file(archive).decode()
    except UnicodeDecodeError as error:
        raise PackageError("the control file is not UTF-8", why=str(error)) from error


def _control_file(archive: bytes) -> bytes:
    """Find ``control`` in a tar archive; other members are only stepped over."""
    offset = 0
    while any(header := archive[offset : offset + BLOCK]):
        name = header[:100].split(b"\0")[0]
        if len(header) != BLOCK or not _OCTAL.fullmatch(header[124:136]):
            raise PackageError(f"its control archive is damaged at byte {offset}")
        size = int(header[124:136].strip(b" \0"), 8)
        data = offset + BLOCK
        if name in (b"./control", b"control") and header[156:157] in (b"0", b"\0"):
            if data + size > len(archive):
                raise PackageError("its control archive is cut off")
            return archive[data : data + size]
        offset = data + size + -size % BLOCK
    raise PackageError("its control archive holds no control file")
