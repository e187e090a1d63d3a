"""Sorted entries in leaves: files by digest, so that a change writes a leaf and not the list.

Where a leaf begins is decided by the keys alone: equal content is in equal leaves, in whatever
order it came, and channels that hold the same name the same files.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

import msgspec
import zstandard
from msgspec import Struct, field

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.repository import layout
from omnibuild.repository.state.damage import UNREADABLE, unreadable
from omnibuild.repository.targets.target import Target

# Entries of a leaf on the average.
LEAF = 64
_BEGINS = (1 << 32) // LEAF
_LEVEL = 3
# No leaf of ours comes near; what claims more is not ours.
_LARGEST = 1 << 28


class Entry(Protocol):
    """What a ledger lists."""

    @property
    def key(self) -> str:
        """Its place: a name, a blank, and what tells it from others of that name."""

    @property
    def identity(self) -> Digest:
        """What makes it the same."""


E = TypeVar("E", bound=Entry)


class Leaf(Struct, frozen=True, array_like=True):
    """Where entries are: the key they begin with, the file's digest, and how many there are."""

    first: str
    digest: Digest
    count: int


class Row(Struct, Generic[E], frozen=True, array_like=True):
    """A place in a leaf; what was taken out left its identity there."""

    key: str
    identity: Digest
    entry: E | None


class Ledger(Struct, Generic[E]):
    """A sorted list of entries, read and written leaf by leaf.

    Args:
        target: where the leaves are.
        kind: the class of the entries.
        leaves: those of the state that is read; :meth:`commit` returns those of the next.
        place: says where a leaf is, by its digest.

    Raises :class:`RepositoryError` for a leaf that is damaged, whenever that is read.
    """

    target: Target
    kind: type[E]
    leaves: Sequence[Leaf] = ()
    place: Callable[[Digest], str] = layout.leaf
    _read: dict[int, list[Row[E]]] = field(default_factory=dict)
    _changed: set[int] = field(default_factory=set)

    @classmethod
    def of(cls, target: Target, kind: type[E], rows: Sequence[Row[E]]) -> Ledger[E]:
        """Return a list of these rows, which are in the order of their keys."""
        return cls(target, kind, _read={0: list(rows)}, _changed={0} if rows else set())

    def __iter__(self) -> Iterator[E]:
        for number in range(max(1, len(self.leaves))):
            yield from self.entries(number)

    @property
    def count(self) -> int:
        """How many entries there are."""
        known = {number: leaf.count for number, leaf in enumerate(self.leaves)}
        return sum((known | {number: len(self.entries(number)) for number in self._read}).values())

    def entries(self, number: int) -> list[E]:
        """Return the entries of a leaf."""
        return [row.entry for row in self._rows(number) if row.entry is not None]

    def get(self, key: str) -> E | None:
        """Return the entry at a place."""
        row = self._row(key)
        return row.entry if row else None

    def identity(self, key: str) -> Digest:
        """Return what is, or once was, at a place; empty when nothing ever was."""
        row = self._row(key)
        return row.identity if row else ""

    def named(self, name: str) -> list[E]:
        """Return all entries of a name."""
        end = f"{name}!"
        found: list[E] = []
        for number in range(self._leaf_of(f"{name} "), max(1, len(self.leaves))):
            if found and self.leaves[number].first >= end:
                break
            entries = self.entries(number)
            found += [entry for entry in entries if f"{name} " <= entry.key < end]
            if entries and entries[-1].key >= end:
                break
        return found

    def unlike(self, other: Ledger[E]) -> Iterator[E]:
        """Yield all entries but those of leaves that another list has, too."""
        shared = {leaf.digest for leaf in other.leaves}
        for number, leaf in enumerate(self.leaves):
            if leaf.digest not in shared:
                yield from self.entries(number)

    def put(self, entry: E) -> bool:
        """Have an entry at its place; tell whether it was not there."""
        return self._place(Row(entry.key, entry.identity, entry))

    def withdraw(self, entry: E) -> None:
        """Take an entry out; what it was stays known."""
        self._place(Row(entry.key, entry.identity, None))

    def forget(self, key: str) -> None:
        """Have nothing at a place, as if nothing ever was."""
        number = self._leaf_of(key)
        rows = self._rows(number)
        place = _place_of(rows, key)
        if place < len(rows) and rows[place].key == key:
            del rows[place]
            # Without its first row, what is left of a leaf goes on with the one before.
            self._changed |= {number, max(0, number - 1)} if place == 0 else {number}

    def commit(self) -> tuple[Leaf, ...]:
        """Write the leaves that changed; return all of the new state."""
        found: list[Leaf] = []
        rows: list[Row[E]] = []
        for number in range(max(1, len(self.leaves))):
            if number in self._changed:
                rows += self._rows(number)
            else:
                found += map(self._write, _divided(rows))
                found += self.leaves[number : number + 1]
                rows = []
        return (*found, *map(self._write, _divided(rows)))

    def rows(self, number: int) -> list[Row[E]]:
        """Return the rows of a leaf: its entries, and what was taken out."""
        return self._rows(number)

    def _leaf_of(self, key: str) -> int:
        return max(0, bisect_right(self.leaves, key, key=lambda leaf: leaf.first) - 1)

    def _row(self, key: str) -> Row[E] | None:
        rows = self._rows(self._leaf_of(key))
        place = _place_of(rows, key)
        return rows[place] if place < len(rows) and rows[place].key == key else None

    def _place(self, row: Row[E]) -> bool:
        number = self._leaf_of(row.key)
        rows = self._rows(number)
        place = _place_of(rows, row.key)
        known = place < len(rows) and rows[place].key == row.key
        if known and rows[place] == row:
            return False
        rows[place : place + known] = [row]
        self._changed.add(number)
        return True

    def _rows(self, number: int) -> list[Row[E]]:
        if number not in self._read:
            self._read[number] = self._load(self.leaves[number]) if self.leaves else []
        return self._read[number]

    def _load(self, leaf: Leaf) -> list[Row[E]]:
        path = self.place(leaf.digest)
        try:
            data = unpacked(self.target.read(path))
            if digests.of_bytes(data) == leaf.digest:
                kind: type[list[Row[E]]] = list[Row[self.kind]]  # type: ignore[name-defined]
                return msgspec.msgpack.decode(data, type=kind)
        except (zstandard.ZstdError, *UNREADABLE) as error:
            raise unreadable(self.target, path, str(error)) from error
        raise unreadable(self.target, path, "it is not what its name says")

    def _write(self, rows: Sequence[Row[E]]) -> Leaf:
        data = encoded(rows)
        digest = digests.of_bytes(data)
        path = self.place(digest)
        self.target.put(path, zstandard.ZstdCompressor(_LEVEL).compress(data))
        return Leaf(rows[0].key, digest, sum(row.entry is not None for row in rows))


def encoded(rows: Sequence[Row[E]]) -> bytes:
    """Return what the digest of a leaf is of."""
    return msgspec.msgpack.encode(rows)


def unpacked(data: bytes) -> bytes:
    """Return what is in a leaf's file; raises ``ZstdError``."""
    return zstandard.ZstdDecompressor().decompress(data, max_output_size=_LARGEST)


def is_whole_leaf(target: Target, leaf: Digest) -> bool:
    """Tell whether a leaf is what its name says."""
    try:
        return digests.of_bytes(unpacked(target.read(layout.leaf(leaf)))) == leaf
    except zstandard.ZstdError:
        return False


def _place_of(rows: Sequence[Row[E]], key: str) -> int:
    return bisect_left(rows, key, key=lambda row: row.key)


def _divided(rows: Sequence[Row[E]]) -> Iterator[Sequence[Row[E]]]:
    """Yield the leaves that rows are: each begins with a key that leaves begin with."""
    if not rows:
        return
    starts = [0, *(n for n in range(1, len(rows)) if _begins(rows[n].key)), len(rows)]
    for start, end in pairwise(starts):
        yield rows[start:end]


def _begins(key: str) -> bool:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big") < _BEGINS
