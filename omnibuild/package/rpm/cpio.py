"""cpio's "new ASCII" form: the payload of an rpm."""

from __future__ import annotations

ALIGNMENT = 4
# Sizes have eight hexadecimal digits.
LARGEST_FILE = 2**32 - 1


def cpio_header(name: str, *, inode: int, mode: int, links: int, date: int, size: int) -> bytes:
    """Return the header and name of an entry of at most :data:`LARGEST_FILE` bytes."""
    text = name.encode() + b"\0"
    numbers = (inode, mode, 0, 0, links, date, size, 0, 0, 0, 0, len(text), 0)
    header = b"070701" + b"".join(b"%08x" % number for number in numbers) + text
    return header + cpio_padding(len(header))


def cpio_padding(size: int) -> bytes:
    """Return the zeros that follow ``size`` bytes."""
    return bytes(-size % ALIGNMENT)


def cpio_trailer() -> bytes:
    """Return the entry that ends an archive."""
    return cpio_header("TRAILER!!!", inode=0, mode=0, links=1, date=0, size=0)
