"""One channel: the suites, trees and downloads that hosts who follow it see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct, field

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.repository import layout
from omnibuild.repository.state.choice import Choice, title_of
from omnibuild.repository.state.entries import Advisory, Deb, Download, Rpm, Yank
from omnibuild.repository.state.ledger import Entry, Leaf, Ledger
from omnibuild.repository.targets.target import Target

P = TypeVar("P", bound=Entry)
Q = TypeVar("Q", Deb, Rpm, Download)


class Shelf(Struct, frozen=True):
    """A suite or a tree as it is written: the leaves of its packages by architecture."""

    architectures: tuple[str, ...] = ()
    lists: Mapping[str, tuple[Leaf, ...]] = {}


class Contents(Struct, frozen=True):
    """All that a channel holds, as it is written: equal contents are equal bytes."""

    suites: Mapping[str, Shelf] = {}
    trees: Mapping[str, Shelf] = {}
    downloads: tuple[Leaf, ...] = ()
    advisories: tuple[Leaf, ...] = ()
    yanked: tuple[Leaf, ...] = ()

    @property
    def leaves(self) -> Iterator[Digest]:
        """The leaves of all lists."""
        for shelf in (*self.suites.values(), *self.trees.values()):
            for leaves in shelf.lists.values():
                yield from (leaf.digest for leaf in leaves)
        yield from (leaf.digest for leaf in (*self.downloads, *self.advisories, *self.yanked))

    @property
    def digest(self) -> Digest:
        """What it is known by."""
        return digests.of_bytes(msgspec.json.encode(self, order="sorted"))


class Index(Struct, Generic[P]):
    """A suite or a tree: its packages by architecture."""

    target: Target
    kind: type[P]
    architectures: tuple[str, ...] = ()
    lists: dict[str, Ledger[P]] = field(default_factory=dict)

    def add_architecture(self, architecture: str) -> None:
        """Have an index for ``architecture``, from now on also when it is empty."""
        self.architectures = tuple(sorted({*self.architectures, architecture}))

    def list(self, architecture: str) -> Ledger[P]:
        """Return the packages of an architecture, in a list that is made when there is none."""
        return self.lists.setdefault(architecture, Ledger(self.target, self.kind))

    def lists_of(self, key: str) -> Iterator[Ledger[P]]:
        """Yield the lists that may hold a place: its path says the architecture."""
        for name, ledger in self.lists.items():
            # As amd64, contrib:amd64, installer/amd64.
            architecture = name.rpartition("/")[2].rpartition(":")[2]
            if key.rpartition(".")[0].endswith((f"_{architecture}", f".{architecture}")):
                yield ledger

    def __iter__(self) -> Iterator[P]:
        for _, ledger in sorted(self.lists.items()):
            yield from ledger

    def named(self, name: str) -> Iterator[P]:
        """Yield all packages of a name."""
        for _, ledger in sorted(self.lists.items()):
            yield from ledger.named(name)

    def shelf(self) -> Shelf:
        """Write what changed; return what is written of it."""
        lists = {name: ledger.commit() for name, ledger in sorted(self.lists.items())}
        return Shelf(self.architectures, {name: leaves for name, leaves in lists.items() if leaves})


class Channel(Struct):
    """What one channel holds; packages are read when they are asked for."""

    target: Target
    suites: dict[str, Index[Deb]]
    trees: dict[str, Index[Rpm]]
    downloads: Ledger[Download]
    advisories: Ledger[Advisory]
    yanked: Ledger[Yank]

    @classmethod
    def of(cls, target: Target, contents: Contents | None = None) -> Channel:
        """Return a channel as it was written, or an empty one."""
        contents = contents or Contents()
        return cls(
            target,
            {name: _index(target, Deb, shelf) for name, shelf in contents.suites.items()},
            {name: _index(target, Rpm, shelf) for name, shelf in contents.trees.items()},
            Ledger(target, Download, contents.downloads),
            Ledger(target, Advisory, contents.advisories),
            Ledger(target, Yank, contents.yanked),
        )

    def contents(self) -> Contents:
        """Write what changed; return what the channel holds now."""
        return Contents(
            {name: index.shelf() for name, index in sorted(self.suites.items())},
            {name: index.shelf() for name, index in sorted(self.trees.items())},
            self.downloads.commit(),
            self.advisories.commit(),
            self.yanked.commit(),
        )

    def suite(self, name: str) -> Index[Deb]:
        """Return a suite, made when it is not there."""
        return self.suites.setdefault(name, Index(self.target, Deb))

    def tree(self, name: str) -> Index[Rpm]:
        """Return a yum tree, made when it is not there."""
        return self.trees.setdefault(name, Index(self.target, Rpm))

    def advise(self, advisory: Advisory, keys: Iterable[str]) -> None:
        """Have an advisory say of some rpms that they mend it, too."""
        known = self.advisories.get(advisory.key)
        packages = {*keys, *(known.packages if known else ())}
        self.advisories.put(msgspec.structs.replace(advisory, packages=tuple(sorted(packages))))

    def note(self, added: Iterable[str], yanked: Iterable[Yank] = ()) -> None:
        """Know what was yanked, until it is added again."""
        for yank in yanked:
            self.yanked.put(yank)
        for title in added if self.yanked.count else ():
            self.yanked.forget(Yank.of(title, "", 0).key)

    def has_rpm(self, key: str) -> bool:
        """Tell whether some tree lists an rpm."""
        ledgers = (each for tree in self.trees.values() for each in tree.lists.values())
        return any(ledger.get(key) for ledger in ledgers)

    @property
    def holds_rpms(self) -> bool:
        """Whether there are packages for dnf."""
        return any(ledger.count for index in self.trees.values() for ledger in index.lists.values())

    def identity(self, key: str) -> Digest:
        """Return what is, or once was, at a place of any list; empty when nothing ever was."""
        found = (
            *(each.identity(key) for suite in self.suites.values() for each in suite.lists_of(key)),
            *(each.identity(key) for tree in self.trees.values() for each in tree.lists_of(key)),
            self.downloads.identity(key) if f" {layout.DOWNLOADS}/" in key else "",
        )
        return next(filter(None, found), "")

    def withdraw(self, choice: Choice) -> list[str]:
        """Take out packages; return what they were, as people call them.

        What they were stays known: hosts that have them would take no other for them.
        """
        gone: list[str] = []
        for suite in self.suites.values():
            for debs in suite.lists.values():
                gone += _withdraw(debs, choice)
        for tree in self.trees.values():
            for rpms in tree.lists.values():
                gone += _withdraw(rpms, choice)
        return list(dict.fromkeys([*gone, *_withdraw(self.downloads, choice)]))


def _withdraw(ledger: Ledger[Q], choice: Choice) -> list[str]:
    gone = choice.among(ledger)
    for item in gone:
        ledger.withdraw(item)
    return [title_of(item) for item in gone]


def _index(target: Target, kind: type[P], shelf: Shelf) -> Index[P]:
    lists = {name: Ledger(target, kind, leaves) for name, leaves in shelf.lists.items()}
    return Index(target, kind, shelf.architectures, lists)
