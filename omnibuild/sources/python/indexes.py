"""Indexes that a project names, in the order in which they are asked, and what is taken from which.

The first index that has a package is the only one that counts for it, and of a package for which a
project names its index no other is ever asked: else a stranger could publish one of its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from omnibuild.errors import HostError
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

    def on(self, machine: str, more: Iterable[Index] = ()) -> Indexes:
        """Return the same with the address of this machine's own, and others that it names.

        Args:
            machine: the address of its own.
            more: those that are asked before any of the project.

        Raises :class:`HostError` when both call different indexes the same.
        """

        def placed(index: Index) -> Index:
            return Index(index.url or machine, index.name)

        own = list(map(placed, (*self.ordered, *self.explicit)))
        names = {without_login(each.url): each.name for each in own}
        places = {each.name: without_login(each.url) for each in own if each.name}
        first = tuple(Index(e.url, e.name or names.get(without_login(e.url), "")) for e in more)
        for each in first:
            if places.get(each.name, without_login(each.url)) != without_login(each.url):
                raise HostError(
                    f"this machine and the project mean different indexes by `{each.name}`",
                    why=f"{without_login(each.url)} here, and {places[each.name]} there",
                    hint="give the one of UV_INDEX or of uv's settings another name",
                )
        known = {without_login(each.url) for each in first}
        others = [
            each for each in map(placed, self.ordered) if without_login(each.url) not in known
        ]
        return Indexes(
            (*first, *others),
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
