"""What a repository holds, for people: the newest version of each package, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from operator import attrgetter
from typing import TypeVar

from msgspec import Struct

from omnibuild.digests import Digest
from omnibuild.package.versions import compare_debs, compare_rpms
from omnibuild.repository import layout
from omnibuild.repository.apt.suite import ALL
from omnibuild.repository.state.channel import Channel, Index
from omnibuild.repository.state.entries import NOARCH, Deb, Download, Rpm, Yank

P = TypeVar("P", Deb, Rpm)
Q = TypeVar("Q", bound=Deb | Rpm)

DEB, RPM, TAR, PEX = "deb", "rpm", "tar", "pex"


class Row(Struct, frozen=True, array_like=True):
    """One file in the list of packages.

    Args:
        channel: the channel that holds it; empty: whichever.
        place: the suite or tree of it, where there is one.
        hosts: the architectures of hosts that see it there.
        manifest: the digest of what it says that it is made of.
    """

    name: str
    version: str
    architecture: str
    summary: str
    channel: str
    place: str
    size: int
    digest: Digest
    href: str
    family: str
    hosts: tuple[str, ...]
    manifest: Digest = ""

    @property
    def seen(self) -> str:
        """Where hosts see it, in words."""
        if self.family == RPM:
            return f"{self.channel}, {self.place}"
        return self.place or self.channel


class Offer(Struct, frozen=True):
    """A row, and what the state has of the file."""

    row: Row
    item: Deb | Rpm | Download


class Yanked(Struct, frozen=True):
    """What a channel has no more, and why."""

    channel: str
    yank: Yank


def newest_tarball(channels: Mapping[str, Channel]) -> Row | None:
    """Return the newest tarball, in any channel, of the first name that has one."""
    firsts = (_first_tarball(content) for content in channels.values())
    name = min(filter(None, firsts), default="")
    offers = (each for content in channels.values() for each in _downloads("", content, name))
    tarballs = (each.row for each in offers if name and each.row.family == TAR)
    return next(iter(newest(tarballs)), None)


def _first_tarball(content: Channel) -> str:
    return next((item.parts[0] for item in content.downloads if not item.is_pex), "")


def shown(packages: Iterable[Q]) -> Iterator[Q]:
    """Yield all packages but keyrings, which come by themselves."""
    return (each for each in packages if not layout.is_keyring_package(each.name))


def offers(
    channels: Mapping[str, Channel], names: Iterable[str] | None = None
) -> dict[str, list[Offer]]:
    """Return what the channels hold of some names, or of all, in the order of their lists."""
    if names is not None:
        return {
            name: [each for named in channels.items() for each in offers_of(*named, name)]
            for name in sorted(names)
        }
    found: dict[str, list[Offer]] = {}
    for channel, content in channels.items():
        for offer in offers_of(channel, content):
            found.setdefault(offer.row.name, []).append(offer)
    return dict(sorted(found.items()))


def yanks(
    channels: Mapping[str, Channel], names: Iterable[str] | None = None
) -> dict[str, list[Yanked]]:
    """Return what was yanked from the channels of some names, or of all."""
    found: dict[str, list[Yanked]] = {}
    for channel, content in channels.items():
        ledger = content.yanked
        yanked = ledger if names is None else (y for name in names for y in ledger.named(name))
        for yank in yanked:
            found.setdefault(yank.name, []).append(Yanked(channel, yank))
    return found


def offers_of(channel: str, content: Channel, name: str = "") -> Iterator[Offer]:
    """Yield what a channel holds of a name, or of all, in the order of its lists."""
    for suite, debs in content.suites.items():
        for deb in _of(debs, name):
            href = f"{layout.APT}/{deb.path}"
            about = (deb.name, deb.version, deb.architecture, deb.summary, channel, suite)
            hosts = _hosts(deb.architecture, debs.architectures)
            yield Offer(
                Row(*about, deb.size, deb.digest, href, DEB, hosts, deb.manifest or ""), deb
            )
    for tree, rpms in content.trees.items():
        for rpm in _of(rpms, name):
            named = [rpm.architecture] if rpm.architecture in rpms.architectures else []
            directory = layout.yum_directory(channel, tree, (*named, *rpms.architectures)[0])
            href = f"{directory}/{rpm.path}"
            about = (rpm.name, rpm.version, rpm.architecture, rpm.summary, channel, tree)
            hosts = _hosts(rpm.architecture, rpms.architectures)
            yield Offer(
                Row(*about, rpm.size, rpm.digest, href, RPM, hosts, rpm.manifest or ""), rpm
            )
    yield from _downloads(channel, content, name)


def _of(index: Index[P], name: str) -> Iterator[P]:
    yield from shown(index.named(name) if name else index)


def _downloads(channel: str, content: Channel, wanted: str) -> Iterator[Offer]:
    for item in content.downloads.named(wanted) if wanted else content.downloads:
        name, version, architecture = item.parts
        href = layout.download_path(item.name)
        family, summary = (PEX, "PEX file") if item.is_pex else (TAR, "Tarball")
        about = (name, version, architecture, summary, channel, "")
        file = (item.size, item.digest, href, family, (architecture,), item.manifest)
        yield Offer(Row(*about, *file), item)


def newest(rows: Iterable[Row]) -> list[Row]:
    """Return what is the newest of a package for some host, by name.

    The family of the package says which version is newer: a fix of an older line may be published
    later than the newest.
    """
    found: dict[tuple[str, str, str, str], Row] = {}
    for row in rows:
        for host in row.hosts:
            key = (row.name, host, row.seen, row.family)
            known = found.get(key)
            if known is None or compare(known, row) <= 0:
                found[key] = row
    order = attrgetter("name", "architecture", "seen", "family")
    return sorted(dict.fromkeys(found.values()), key=order)


def _hosts(architecture: str, architectures: tuple[str, ...]) -> tuple[str, ...]:
    return architectures if architecture in (ALL, NOARCH) else (architecture,)


def compare(left: Row, right: Row) -> int:
    """Tell which of two rows of a family has the newer version, as its hosts see it."""
    order = compare_rpms if left.family == RPM else compare_debs
    return order(left.version, right.version)


def latest(offers: Iterable[Offer]) -> Offer | None:
    """Return the one with the newest version among those of a family."""
    found: Offer | None = None
    for each in offers:
        if found is None or compare(found.row, each.row) < 0:
            found = each
    return found
