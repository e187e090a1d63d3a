"""What the far end answers."""

from __future__ import annotations

from typing import Final, NamedTuple

from omnibuild.digests import Digest

# Of what is not there.
NONE: Final = b"-"
_KIND: Final = 0o170000
_REGULAR: Final = 0o100000


class Entry(NamedTuple):
    """What is in a directory: its time in seconds, its bytes, whether it is a regular file."""

    name: str
    time: int
    size: int
    regular: bool


def digest_in(answer: bytes) -> Digest:
    """Return the digest of a file; empty when there is none."""
    return "" if answer == NONE else answer.split()[0].decode()


def entry_of(line: bytes) -> Entry:
    """Return what a line of a list says.

    >>> entry_of(b"1700000000 5 81a4 ./apt/a b")
    Entry(name='a b', time=1700000000, size=5, regular=True)
    """
    seconds, size, mode, path = line.decode("utf-8", "surrogateescape").split(" ", 3)
    regular = int(mode, 16) & _KIND == _REGULAR
    return Entry(path.rpartition("/")[2], int(seconds), int(size), regular)
