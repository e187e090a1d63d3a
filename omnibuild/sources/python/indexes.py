"""Indexes that a project names, in the order in which they are asked, and what is taken from which.

The first index that has a package is the only one that counts for it, and of a package for which a
project names its index no other is ever asked: else a stranger could publish one of its name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from omnibuild.transfer.credentials import without_login


@dataclass(frozen=True)
class Index:
    """An index of packages.

    Args:
        url: its address, a slash at its end; empty for the machine's own.
        name: what it is called; empty without a name.
    """

    url: str = ""
    name: str = ""


# The index of whoever locks: a mirror of the public one, perhaps.
MACHINE = Index()


@dataclass(frozen=True)
class Indexes:
    """Where packages are.

    Args:
        ordered: those that are asked for any package, one after the other.
        explicit: those that are asked only for what is pinned to them.
        pinned: normalised names of packages to the index that has them.
        machine: the address of the machine's own, once it is known.
    """

    ordered: tuple[Index, ...] = (MACHINE,)
    explicit: tuple[Index, ...] = ()
    pinned: Mapping[str, Index] = field(default_factory=dict)
    machine: str = ""

    def of(self, package: str) -> tuple[Index, ...]:
        """Return where a package may be, the first that has it counts."""
        return (self.pinned[package],) if package in self.pinned else self.ordered

    def all(self) -> Iterator[Index]:
        """Yield every one."""
        yield from (*self.ordered, *self.explicit, *self.pinned.values())

    def on(self, machine: str) -> Indexes:
        """Return the same with the address of this machine's own."""

        def placed(index: Index) -> Index:
            return Index(index.url or machine, index.name)

        return Indexes(
            tuple(map(placed, self.ordered)),
            tuple(map(placed, self.explicit)),
            {name: placed(index) for name, index in self.pinned.items()},
            machine,
        )

    def foreign(self, url: str) -> str | None:
        """Return an index's address without a login; none unless it is one of the project."""
        bare = without_login(url).rstrip("/") + "/"
        known = {without_login(index.url) for index in self.all()} - {without_login(self.machine)}
        return bare if bare in known else None

    def named(self) -> Iterator[Index]:
        """Yield all but the machine's own."""
        yield from (each for each in (*self.ordered, *self.explicit) if each.url)


ONE = Indexes()
