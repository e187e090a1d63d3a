"""What all pages of a repository have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import msgspec
from msgspec import Struct

from omnibuild.repository.clients.systems import APT, DNF, HostSystem
from omnibuild.repository.state.channel import Channel, Index
from omnibuild.repository.state.entries import Deb, Rpm
from omnibuild.repository.state.head import Repository
from omnibuild.repository.web.listing import DEB, PEX, TAR, Row, shown


class Site(Struct, frozen=True):
    """A repository, as its pages tell of it.

    Args:
        default: the channel that hosts follow without being told another.
        first: the channel that people are pointed to.
    """

    record: Repository
    default: str
    first: str

    @classmethod
    def of(cls, record: Repository, channels: Mapping[str, Channel], default: str) -> Site:
        """Return the site of what the channels hold."""
        return cls(record, default, first_channel(channels, default))

    @property
    def seal(self) -> bytes:
        """What is equal where the same packages make the same pages."""
        record = self.record
        about = (record.name, record.title, record.base_url, self.default, self.first)
        return msgspec.json.encode((about, sorted(record.systems.items())))

    def followed(self, channel: str) -> str:
        """Return a channel as the installer has to be told of it: empty if it need not be."""
        return "" if channel == self.default else channel

    def systems(self, row: Row) -> list[HostSystem]:
        """Return the kinds of hosts that see a package where it is listed."""
        family, place = DNF, row.place
        if row.family == DEB:
            family, place = APT, row.place.removeprefix(row.channel)
        return [
            system
            for _, system in sorted(self.record.systems.items())
            if (system.family, system.place) == (family, place) and system.architecture in row.hosts
        ]

    def hosts(self, row: Row) -> list[str]:
        """Return what people call the hosts that a file is for."""
        if row.family == PEX:
            return ["any Linux with Python"]
        if row.family == TAR:
            return ["any Linux"]
        # Without code names, as in "Debian 12 (bookworm)": there are many of them on a page.
        titles = dict.fromkeys(each.title.partition(" (")[0] for each in self.systems(row))
        # Nobody has declared what hosts read it.
        return [*titles] or [row.place]

    def order(self, channel: str) -> tuple[bool, str]:
        """Return what sorts the channels: first the one that people are pointed to."""
        return channel != self.first, channel


def first_channel(channels: Mapping[str, Channel], default: str) -> str:
    """Return the channel that people are pointed to: the first with packages for their hosts."""
    return first_with(
        channels, default, lambda held: holds_any(held.suites) or holds_any(held.trees)
    )


def first_with(
    channels: Mapping[str, Channel], default: str, held: Callable[[Channel], object]
) -> str:
    """Return the first channel that holds some of what is asked for; the default one if none."""
    return next((name for name in (default, *sorted(channels)) if held(channels[name])), default)


def holds_any(indexes: Mapping[str, Index[Deb]] | Mapping[str, Index[Rpm]]) -> bool:
    """Tell whether there are packages but keyrings."""
    ledgers: Iterable[Iterable[Deb | Rpm]] = (
        ledger for index in indexes.values() for ledger in index.lists.values()
    )
    return any(True for ledger in ledgers for _ in shown(ledger))
