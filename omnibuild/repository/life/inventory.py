"""What channels hold: packages, their versions, where hosts see them, and how large they are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cmp_to_key
from itertools import groupby
from pathlib import Path

from omnibuild.digests import Digest
from omnibuild.errors import UsageError
from omnibuild.package.versions import compare_debs, compare_rpms
from omnibuild.repository import layout
from omnibuild.repository.life.history import known_channel, read_state
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.entries import Deb, Rpm
from omnibuild.repository.state.ledger import Ledger

DEB, RPM, FILE = "deb", "rpm", "file"


@dataclass(frozen=True)
class Item:
    """A package in a channel.

    Args:
        version: as its format says it, with epoch and revision; of a file, as its name says it.
        format: ``deb``, ``rpm``, or ``file`` for what lies in ``downloads/``.
        place: the suite or the tree in which hosts see it; ``downloads`` for files.
        digest: SHA-256 of what hosts fetch.
        component: that of the suite; empty where there is none.
    """

    name: str
    version: str
    architecture: str
    format: str
    place: str
    size: int
    digest: Digest
    component: str = ""


@dataclass(frozen=True)
class Inventory:
    """What one channel holds, by name, the newest version first."""

    channel: str
    release: Digest
    items: tuple[Item, ...]

    @property
    def size(self) -> int:
        """How many bytes hosts can fetch: what several suites or trees list is counted once."""
        return sum({item.digest: item.size for item in self.items}.values())


def inventories(repository: Path | str, channel: str = "", name: str = "") -> list[Inventory]:
    """Return what a channel, or each of all, holds of all packages or of one.

    Raises :class:`RepositoryError` for what is no repository, and :class:`UsageError` for an
    unknown channel or package.
    """
    state = read_state(repository)
    channels = [known_channel(state, channel)] if channel else sorted(state.channels)
    found = [
        Inventory(each, state.releases[each], tuple(_sorted(items_of(state.channels[each], name))))
        for each in channels
    ]
    if name and not any(each.items for each in found):
        raise UsageError(
            f"{f'channel {channel}' if channel else 'no channel'}"
            f" holds {'no ' if channel else ''}{name}",
            hint="without a name all packages are listed",
        )
    return [each for each in found if each.items or not name]


def items_of(content: Channel, name: str = "") -> Iterator[Item]:
    """Yield what a channel holds, or what it holds of that name."""
    for place, suite in sorted(content.suites.items()):
        for _, debs in sorted(suite.lists.items()):
            yield from (_item(deb, DEB, place) for deb in _chosen(debs, name))
    for place, tree in sorted(content.trees.items()):
        for _, rpms in sorted(tree.lists.items()):
            yield from (_item(rpm, RPM, place) for rpm in _chosen(rpms, name))
    for file in content.downloads.named(name) if name else content.downloads:
        yield Item(*file.parts, FILE, "downloads", file.size, file.digest)


def _chosen(ledger: Ledger[Deb] | Ledger[Rpm], name: str) -> Iterator[Deb | Rpm]:
    if name:
        yield from ledger.named(name)
        return
    # Keyrings come by themselves; who asks for one by its name is told of it.
    ledgers: Iterable[Deb | Rpm] = ledger
    yield from (each for each in ledgers if not layout.is_keyring_package(each.name))


def _item(entry: Deb | Rpm, form: str, place: str) -> Item:
    about = (entry.name, entry.version, entry.architecture)
    component = layout.component_of(entry.path) if form == DEB else ""
    return Item(*about, form, place, entry.size, entry.digest, component)


def _sorted(items: Iterator[Item]) -> Iterator[Item]:
    """Yield items by name; of each name by format, the newest version first."""
    ordered = sorted(items, key=lambda each: (each.name, each.format))
    for _, group in groupby(ordered, key=lambda each: (each.name, each.format)):
        yield from sorted(group, key=cmp_to_key(newer_first))


def newer_first(left: Item, right: Item) -> int:
    """Compare versions as the tools of the format do: negative when ``left`` is the newer."""
    compare = compare_rpms if left.format == RPM else compare_debs
    return compare(right.version, left.version)
