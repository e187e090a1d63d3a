"""The newest of each package in all channels, kept so that a change concerns the names it changed.

It is derived: what is missing or damaged of it is made again of what the channels hold, and the
same content always makes the same catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, field

from omnibuild.digests import Digest
from omnibuild.repository import layout
from omnibuild.repository.state.channel import Contents, Shelf
from omnibuild.repository.state.entries import Deb, Download, Rpm, Yank
from omnibuild.repository.state.ledger import Entry, Leaf, Ledger
from omnibuild.repository.targets.target import Target
from omnibuild.repository.web.listing import DEB, RPM, Offer, Row, newest

E = TypeVar("E", bound=Entry)


class Listed(Struct, frozen=True, array_like=True):
    """A name in the catalogue.

    Args:
        rows: its newest files.
        only: the channels that have some of its packages which the first channel has not.
    """

    name: str
    rows: tuple[Row, ...]
    only: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Its place in a ledger."""
        return f"{self.name} "

    @property
    def identity(self) -> Digest:
        """Nothing: who is gone leaves no trace here."""
        return ""


class Edition(Struct, frozen=True):
    """A catalogue as it was written.

    Args:
        first: the channel that people are pointed to.
        only: how many names each other channel has something of that the first has not.
    """

    first: str = ""
    leaves: tuple[Leaf, ...] = ()
    only: Mapping[str, int] = {}


class Catalogue(Struct):
    """The catalogue while names in it are brought to what the channels hold."""

    target: Target
    first: str
    ledger: Ledger[Listed]
    only: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, target: Target, edition: Edition) -> Catalogue:
        """Return a catalogue as it was written."""
        ledger = Ledger(target, Listed, edition.leaves, layout.catalogue_leaf)
        return cls(target, edition.first, ledger, dict(edition.only))

    def bring(self, name: str, rows: Sequence[Row]) -> None:
        """Have the newest of all rows of a name."""
        known = self.ledger.get(f"{name} ")
        only = tuple(sorted(_only(self.first, rows)))
        for channel in known.only if known else ():
            self.only[channel] -= 1
        for channel in only:
            self.only[channel] = self.only.get(channel, 0) + 1
        if rows:
            self.ledger.put(Listed(name, tuple(newest(rows)), only))
        else:
            self.ledger.forget(f"{name} ")

    def edition(self) -> Edition:
        """Write what changed; return what is written."""
        only = {channel: count for channel, count in sorted(self.only.items()) if count}
        return Edition(self.first, self.ledger.commit(), only)


def catalogued(target: Target, first: str, found: Mapping[str, Sequence[Offer]]) -> Edition:
    """Make a catalogue of all that the channels offer, by names."""
    return updated(target, Edition(first), found)


def updated(target: Target, edition: Edition, found: Mapping[str, Sequence[Offer]]) -> Edition:
    """Bring some names of a catalogue to what the channels offer of them."""
    catalogue = Catalogue.of(target, edition)
    for name, offers in sorted(found.items()):
        catalogue.bring(name, [offer.row for offer in offers])
    return catalogue.edition()


def changed_names(target: Target, before: Contents, after: Contents) -> set[str]:
    """Return the names of which two states of a channel do not hold the same."""
    return {
        *_shelved(target, Deb, before.suites, after.suites),
        *_shelved(target, Rpm, before.trees, after.trees),
        *map(_name, changed_in(target, Download, before.downloads, after.downloads)),
        *map(_name, changed_in(target, Yank, before.yanked, after.yanked)),
    }


def changed_in(
    target: Target, kind: type[E], before: Iterable[Leaf], after: Iterable[Leaf]
) -> dict[str, E | None]:
    """Return what is new in a list, by its key, and nothing for the key of what is gone.

    Only leaves that the two states do not have in common are read.
    """
    old, new = set(before), set(after)
    gone = {item.key: item for item in Ledger(target, kind, sorted(old - new, key=_order))}
    come = {item.key: item for item in Ledger(target, kind, sorted(new - old, key=_order))}
    keys = sorted({*gone, *come})
    return {key: come.get(key) for key in keys if gone.get(key) != come.get(key)}


def _name(key: str) -> str:
    return key.partition(" ")[0]


def _order(leaf: Leaf) -> str:
    return leaf.first


def _shelved(
    target: Target,
    kind: type[E],
    before: Mapping[str, Shelf],
    after: Mapping[str, Shelf],
) -> Iterator[str]:
    for name in {*before, *after}:
        old, new = before.get(name, Shelf()), after.get(name, Shelf())
        # Which hosts see a package for all architectures is a matter of these.
        everything = old.architectures != new.architectures
        for architecture in {*old.lists, *new.lists}:
            was, is_now = old.lists.get(architecture, ()), new.lists.get(architecture, ())
            if everything:
                yield from map(_name, changed_in(target, kind, was, ()))
                yield from map(_name, changed_in(target, kind, (), is_now))
            else:
                yield from map(_name, changed_in(target, kind, was, is_now))


def _only(first: str, rows: Iterable[Row]) -> set[str]:
    managed = [row for row in rows if row.family in (DEB, RPM)]
    there = {row.digest for row in managed if row.channel == first}
    return {row.channel for row in managed if row.digest not in there} - {first}
