"""The newest entries of the changelog in a .deb, as far as they can be read.

Nothing depends on a changelog: what is no entry is passed over, and never an error.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from omnibuild.patterns import regex

# Compressed bytes; what is newest is at the beginning.
LONGEST: Final = 1 << 18
_READ: Final = 1 << 16
MOST_CHANGES: Final = 5
_LONGEST_ENTRY: Final = 4000

# deb-changelog(5).
_FIRST = regex(r"[\w.+-]+ \((?P<version>[^()\s]+)\)(?: [-+.\w]+)+;.*")
_LAST = regex(r" -- (?P<author>.*?)(?: ?<[^>]*>)? {2}(?P<date>.+)")


class DebChange(Struct, frozen=True):
    """An entry of a changelog.

    Args:
        date: in seconds since 1970; 0 if it cannot be read.
        author: their name, without an address.
        text: what changed, in lines.
    """

    version: str
    date: int
    author: str
    text: str


def changelog_paths(package: str) -> tuple[bytes, ...]:
    """Return where Debian's own changelog of a package may be, the likeliest first."""
    directory = f"usr/share/doc/{package}"
    names = ("changelog.Debian.gz", "changelog.gz", "changelog.Debian", "changelog")
    return tuple(f"{directory}/{name}".encode() for name in names)


def newest_changes(files: Mapping[bytes, bytes], package: str) -> tuple[DebChange, ...]:
    """Return the newest entries, the newest first.

    Args:
        files: beginnings of files of the package, by their paths.
        package: its name.
    """
    for path in changelog_paths(package):
        content = files.get(path, b"")
        text = _inflated(content) if path.endswith(b".gz") else content[:_READ]
        # Beside Debian's there may be one of another form, of whoever wrote the program.
        if found := tuple(_entries(text.decode(errors="replace"))):
            return found
    return ()


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(content, _READ)
    except zlib.error:
        return b""


def _entries(text: str) -> Iterator[DebChange]:
    version, lines, count = "", list[str](), 0
    for line in text.splitlines():
        if count == MOST_CHANGES:
            return
        if found := _FIRST.fullmatch(line):
            version, lines = found["version"], []
        elif not version:
            # Lines before the first entry: this is something else.
            if line.strip() and not count:
                return
        elif found := _LAST.fullmatch(line):
            yield DebChange(version, _date(found["date"]), found["author"], _body(lines))
            version, count = "", count + 1
        else:
            lines.append(line.removeprefix("  ").rstrip())


def _body(lines: list[str]) -> str:
    text = "\n".join(lines).strip("\n")
    return text if len(text) <= _LONGEST_ENTRY else f"{text[:_LONGEST_ENTRY]}…"


def _date(text: str) -> int:
    # Loaded for packages that have a changelog.
    from email.utils import parsedate_to_datetime

    from omnibuild.package.identity import LAST_DATE

    try:
        seconds = int(parsedate_to_datetime(text.strip()).timestamp())
    except (ValueError, OverflowError):
        return 0
    return seconds if 0 <= seconds <= LAST_DATE else 0
