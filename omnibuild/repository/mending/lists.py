"""One list of packages with damaged leaves: what those held, as far as anything still tells it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Generic, TypeVar

from omnibuild import digests
from omnibuild.errors import RepositoryError
from omnibuild.repository.state.ledger import Entry, Leaf, Ledger, Row, encoded
from omnibuild.repository.targets.target import Target

E = TypeVar("E", bound=Entry)


@dataclass(frozen=True)
class Clues(Generic[E]):
    """What a list may have held.

    Args:
        shown: what signed indexes list, by its place.
        others: what lies there, and was signed, but is in no index.
        before: rows of earlier states of the list, the newest of each place.
    """

    shown: Mapping[str, E]
    others: Mapping[str, E]
    before: Mapping[str, Row[E]]


@dataclass(frozen=True)
class Mended(Generic[E]):
    """A list that can be read again.

    Args:
        leaves: those that were damaged.
        exact: whether they are byte for byte what they were.
        missing: how many packages they held that nothing tells any more.
    """

    ledger: Ledger[E]
    leaves: tuple[Leaf, ...] = ()
    exact: bool = True
    missing: int = 0


def damaged(ledger: Ledger[E]) -> list[int]:
    """Return which leaves cannot be read."""
    found = []
    for number in range(len(ledger.leaves)):
        try:
            ledger.entries(number)
        except RepositoryError:
            found.append(number)
    return found


def mended(ledger: Ledger[E], clues: Clues[E]) -> Mended[E]:
    """Return a list with its damaged leaves made again."""
    broken = damaged(ledger)
    rows: list[Row[E]] = []
    exact, missing = True, 0
    for number, leaf in enumerate(ledger.leaves):
        if number not in broken:
            rows += ledger.rows(number)
            continue
        end = ledger.leaves[number + 1].first if number + 1 < len(ledger.leaves) else ""
        found, same = _rows_of(leaf, end, clues)
        rows += found
        exact &= same
        missing += 0 if same else leaf.count - sum(row.entry is not None for row in found)
    leaves = tuple(ledger.leaves[number] for number in broken)
    return Mended(Ledger.of(ledger.target, ledger.kind, rows), leaves, exact, max(0, missing))


def rebuilt(target: Target, kind: type[E], clues: Clues[E]) -> Ledger[E]:
    """Return a list of what is shown, and of what was: that stays known."""
    return Ledger.of(target, kind, _merged(clues.shown, clues.before.values()))


def earlier_rows(
    target: Target, kind: type[E], states: Iterable[Sequence[Leaf]]
) -> dict[str, Row[E]]:
    """Return the rows of earlier states of a list, the newest states first."""
    found: dict[str, Row[E]] = {}
    seen: set[str] = set()
    for leaves in states:
        ledger = Ledger(target, kind, [leaf for leaf in leaves if leaf.digest not in seen])
        seen |= {leaf.digest for leaf in leaves}
        broken = damaged(ledger)
        for number in range(len(ledger.leaves)):
            if number not in broken:
                for row in ledger.rows(number):
                    found.setdefault(row.key, row)
    return found


def _rows_of(leaf: Leaf, end: str, clues: Clues[E]) -> tuple[list[Row[E]], bool]:
    """Return the rows of a leaf, and whether they are what it held."""
    shown, others = _within(clues.shown, leaf, end), _within(clues.others, leaf, end)
    before = [clues.before[key] for key in sorted(clues.before) if _is_within(key, leaf, end)]
    for entries, rows in product((shown, {**others, **shown}), (before, [])):
        found = _merged(entries, rows)
        if found and digests.of_bytes(encoded(found)) == leaf.digest:
            return found, True
    return _merged(shown, before), False


def _within(entries: Mapping[str, E], leaf: Leaf, end: str) -> dict[str, E]:
    return {key: entry for key, entry in entries.items() if _is_within(key, leaf, end)}


def _is_within(key: str, leaf: Leaf, end: str) -> bool:
    return leaf.first <= key and (not end or key < end)


def _merged(entries: Mapping[str, E], before: Iterable[Row[E]]) -> list[Row[E]]:
    """Return rows of entries; of what is none of them, what it was stays known."""
    rows: dict[str, Row[E]] = {row.key: Row(row.key, row.identity, None) for row in before}
    rows |= {key: Row(key, entry.identity, entry) for key, entry in entries.items()}
    return [rows[key] for key in sorted(rows)]
