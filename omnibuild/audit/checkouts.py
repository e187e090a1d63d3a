"""The directories that an app was built from: which path of the user's would be in a payload.

They are in no key, for they change no byte of what is built. So they are looked for in what is
delivered, not by the action that audits.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Self
from urllib.parse import quote

from omnibuild.digests import READ_SIZE
from omnibuild.payload.model import Payload

# Names that hosts have, too.
_EVERYWHERE = frozenset(
    f"/{name}"
    for name in (
        *("", "boot", "dev", "etc", "home", "media", "mnt", "opt", "proc", "root", "run", "srv"),
        *("sys", "tmp", "usr", "usr/local", "usr/src", "var", "var/lib", "var/tmp"),
    )
)
# What a name could go on with; `/home/ann/shop-2` is another directory.
_ENDS = rb"(?![A-Za-z0-9_-]|\.[A-Za-z0-9])"
# A path of one name is in many others: only where it begins, and only with something below it.
_SHORT = rb"(?<![A-Za-z0-9_./-])%b/"


@dataclass(frozen=True)
class Written:
    """One way to write a path.

    Args:
        text: what every occurrence holds.
        whole: what tells an occurrence from another, longer path.
    """

    text: bytes
    whole: re.Pattern[bytes]

    @classmethod
    def of(cls, text: bytes) -> Self:
        """Return what finds that text."""
        escaped = re.escape(text)
        short = text.count(b"/") == 1
        return cls(text, re.compile(_SHORT % escaped if short else escaped + _ENDS))


def ways_to_write(paths: Iterable[Path], payload: Payload) -> tuple[Written, ...]:
    """Return what to look for: paths as they are given and as they lead on, also in JSON and URLs.

    Left out is what hosts have, and what the payload itself has.
    """
    given = {os.path.abspath(path) for path in paths}
    named = {
        name
        for name in given | {os.path.realpath(path) for path in given}
        if name not in _EVERYWHERE and payload.tree.find(name) is None
    }
    texts = {os.fsencode(name) for name in named}
    texts |= {json.dumps(os.fsdecode(text))[1:-1].encode() for text in texts}
    texts |= {quote(text).encode() for text in texts}
    return tuple(map(Written.of, sorted(texts)))


def first_in(stream: IO[bytes], ways: Iterable[Written]) -> int | None:
    """Return the offset of the first path in a stream, which is read piece by piece."""
    ways = tuple(ways)
    # What is searched together: a path, the byte before that tells whether it begins there, and
    # two that tell whether it ends.
    around = max((len(way.text) for way in ways), default=0) + 3
    kept, start, ended = b"", 0, False
    while not ended:
        piece = stream.read(READ_SIZE)
        ended = not piece
        content = kept + piece
        searched = range(1 if start else 0, len(content) + (0 if ended else 1 - around))
        found = [offset for way in ways if (offset := _first(content, way, searched)) >= 0]
        if found:
            return start + min(found)
        kept = content[-around:]
        start += len(content) - len(kept)
    return None


def _first(content: bytes, way: Written, searched: range) -> int:
    """Return where a path begins first, -1 if nowhere."""
    offset = content.find(way.text, searched.start)
    while 0 <= offset < searched.stop:
        if way.whole.match(content, offset):
            return offset
        offset = content.find(way.text, offset + 1)
    return -1
