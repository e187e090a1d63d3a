"""Objects of a repository, and what is known of them: nothing is asked twice.

What readers were shown is on the desk from one publishing to the next: who holds the lease alone
writes that. What somebody else changed is found by whoever looks all through; who takes over from a
publisher that was cut off finds nothing remembered.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.repository import layout
from omnibuild.repository.state.damage import UNREADABLE
from omnibuild.repository.targets.desk import Desk, carries
from omnibuild.repository.targets.headers import headers_of
from omnibuild.repository.targets.listings import Listings
from omnibuild.transfer.bucket import Bucket
from omnibuild.transfer.objects import MissingObjectError

SHA256: Final = "sha256"

# Tags are the servers' words: none is this.
_REMEMBERED: Final = "remembered"
# What is larger is read again, in bytes; and so much is remembered in all.
_SMALL: Final = 16 << 10
_MOST: Final = 64 << 10


@dataclass
class Memory:
    """Objects, read and written, that are no small files of the state.

    Args:
        known: what was read or written: the content and its tag; no tag for what is not there.
        written: when, by this machine's own clock.
        trusting: whether what is remembered of what readers see is taken for what is there.
        doubted: whether it never shall be.
    """

    objects: Bucket
    desk: Desk
    listings: Listings
    known: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    written: dict[str, float] = field(default_factory=dict)
    trusting: bool = False
    doubted: bool = False
    # Digests stored with what never changes.
    _stored: dict[str, Digest] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        """Return the content of an object; empty when there is none."""
        if path in self.known and self._lasts(path):
            return self.known[path][0]
        if self.listings.lack(path):
            return b""
        try:
            self.known[path] = self.objects.read(path)
        except MissingObjectError:
            self.known[path] = (b"", "")
        return self.known[path][0]

    def _lasts(self, path: str) -> bool:
        """Tell whether an object still is what was read of it, or written."""
        if layout.is_immutable(path):
            return bool(self.known[path][1])
        # While the lease is held nobody else writes what readers see.
        return self.listings.held

    def says(self, path: str, data: bytes) -> bool:
        """Tell whether an object is there and has this content."""
        if path.startswith(f"{layout.STATE}/"):
            # To ask would take as long as to write: what is small, is called after its content.
            return path in self.known and self.known[path][0] == data
        if path not in self.known and layout.is_immutable(path):
            # One listing tells of all files of a state; without a lease it is not kept.
            listed = not self.listings.held or self.listings.has(path)
            return listed and self.digest(path) == digests.of_bytes(data)
        if path not in self.known:
            self.read(path)
        content, tag = self.known.get(path, (b"", ""))
        return bool(tag) and content == data

    def is_anew(self, path: str) -> bool:
        """Tell whether to ask what an object says would hardly ever save writing it."""
        asked = path in self.known or layout.is_immutable(path) or carries(path)
        return self.trusting and not asked

    def digest(self, path: str) -> Digest:
        """Return the digest of an object, which was stored with it; empty when there is none."""
        if path in self._stored:
            return self._stored[path]
        try:
            words, _ = self.objects.about(path)
        except MissingObjectError:
            return ""
        return words.get(SHA256) or digests.of_bytes(self.read(path))

    def write(self, path: str, source: bytes | Path, before: str | None) -> None:
        """Write an object, on a condition as :meth:`Bucket.write` has it."""
        digest = digests.of_file(source) if isinstance(source, Path) else digests.of_bytes(source)
        words = {SHA256: digest}
        tag = self.objects.write(path, source, headers=headers_of(path), words=words, before=before)
        self.written[path] = time.monotonic()
        if layout.is_immutable(path):
            self._stored[path] = digest
        self.known.pop(path, None)
        if isinstance(source, Path):
            self.listings.lose(path)
        else:
            self.known[path] = (source, tag)
            self.listings.note(path, len(source))

    def copy(self, source: str, path: str) -> None:
        """Have an object also under another path, in place of what is there."""
        self.known.pop(path, None)
        words, _ = self.objects.about(source)
        self.objects.copy(source, path, headers=headers_of(path), words=words)
        self.listings.lose(path)

    def remove(self, paths: Sequence[str]) -> None:
        """Remove objects, as far as they are there."""
        self.forget(*paths)
        self.objects.delete(paths)
        for path in paths:
            if self.listings.held and not layout.is_immutable(path):
                self.known[path] = (b"", "")
            self.listings.drop(path)

    def forget(self, *paths: str) -> None:
        """Know nothing of some objects."""
        for path in paths:
            self.known.pop(path, None)
            self._stored.pop(path, None)

    def forget_all(self) -> None:
        """Know nothing of any object: what was there may have been removed."""
        self.known.clear()
        self._stored.clear()

    def recalled(self) -> dict[str, bytes]:
        """Return what readers were shown, as far as it is remembered."""
        try:
            return msgspec.msgpack.decode(self.desk.get(layout.SEEN) or b"", type=dict[str, bytes])
        except UNREADABLE:
            return {}

    def begin(self) -> None:
        """Go on from what is remembered, once the lease is held; who is cut off leaves nothing."""
        self.known = {p: data for p, data in self.known.items() if layout.is_immutable(p)}
        if not self.doubted:
            self.known |= {path: (data, _REMEMBERED) for path, data in self.recalled().items()}
            self.trusting = True
        self.desk.drop(layout.SEEN)

    def distrust(self) -> None:
        """Go on without, from now on: somebody may have changed what readers see."""
        self.doubted = True
        self.end()

    def end(self) -> None:
        """Let the lease go."""
        self.trusting = False
        known = self.known.items()
        self.known = {path: (data, tag) for path, (data, tag) in known if tag != _REMEMBERED}

    def remember(self) -> None:
        """Have small files remembered from which the next publishing goes on.

        Of trees that were written just now, nothing is that is older.
        """
        trees = {_tree_of(path) for path in self.written}
        left, found = _MOST, {}
        for path, (data, tag) in sorted(self.known.items(), key=lambda item: len(item[1][0])):
            here = path in self.written or _tree_of(path) not in trees
            wanted = layout.is_shown(path) and (here or not layout.is_immutable(path))
            if tag and wanted and "/by-hash/" not in path and len(data) <= min(left, _SMALL):
                found[path] = data
                left -= len(data)
        self.desk.put(layout.SEEN, msgspec.msgpack.encode(found))


def _tree_of(path: str) -> str:
    """Return the directory whose metadata a file is of."""
    return path.partition("/repodata/")[0].partition("/gen-")[0]
