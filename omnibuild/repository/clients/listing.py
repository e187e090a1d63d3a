"""What a repository holds, for people: the newest version of each package, by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from operator import attrgetter

from omnibuild.package.versions import compare_debs, compare_rpms
from omnibuild.repository import layout
from omnibuild.repository.apt.suite import ALL
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.yum.metadata import NOARCH

DEB, RPM, TAR, PEX = "deb", "rpm", "tar", "pex"

# More rows than that are a page for each first letter, or two letters, and so on.
ROWS_PER_PAGE = 200


@dataclass(frozen=True)
class Row:
    """One file in the list of packages.

    Args:
        place: where hosts see it.
        hosts: the architectures of hosts that see it there.
    """

    name: str
    version: str
    architecture: str
    summary: str
    place: str
    size: int
    href: str
    family: str
    hosts: tuple[str, ...]


def newest_rows(channels: Mapping[str, Channel]) -> list[Row]:
    """Return the newest of all that the channels hold, by name."""
    return newest(row for name, content in channels.items() for row in rows_of(name, content))


def newest_tarballs(channels: Mapping[str, Channel]) -> list[Row]:
    """Return the newest tarballs of all channels, by name."""
    rows = (row for content in channels.values() for row in download_rows("", content))
    return newest(row for row in rows if row.family == TAR)


def rows_of(channel: str, content: Channel) -> Iterator[Row]:
    """Yield what a channel holds, in the order it was published."""
    for suite, debs in content.suites.items():
        for deb in debs:
            href = f"{layout.APT}/{deb.path}"
            about = (deb.name, deb.version, deb.architecture, deb.summary)
            hosts = _hosts(deb.architecture, debs.architectures)
            yield Row(*about, suite, deb.size, href, DEB, hosts)
    for tree, rpms in content.trees.items():
        for rpm in rpms:
            named = [rpm.architecture] if rpm.architecture in rpms.architectures else []
            directory = layout.yum_directory(channel, tree, (*named, *rpms.architectures)[0])
            about = (rpm.name, rpm.version, rpm.architecture, rpm.summary)
            place, href = f"{channel}, {tree}", f"{directory}/{rpm.path}"
            hosts = _hosts(rpm.architecture, rpms.architectures)
            yield Row(*about, place, rpm.size, href, RPM, hosts)
    yield from download_rows(channel, content)


def download_rows(channel: str, content: Channel) -> Iterator[Row]:
    """Yield the tarballs and PEX files that a channel holds."""
    for item in content.downloads:
        name, version, architecture = item.parts
        href = layout.download_path(item.name)
        about = (name, version, architecture, "PEX file" if item.is_pex else "Tarball")
        yield Row(*about, channel, item.size, href, PEX if item.is_pex else TAR, (architecture,))


def newest(rows: Iterable[Row]) -> list[Row]:
    """Return what is the newest of a package for some host, by name.

    The family of the package says which version is newer: a fix of an older line may be published
    later than the newest.
    """
    found: dict[tuple[str, str, str, str], Row] = {}
    for row in rows:
        for host in row.hosts:
            key = (row.name, host, row.place, row.family)
            known = found.get(key)
            if known is None or _compare(known, row) <= 0:
                found[key] = row
    order = attrgetter("name", "architecture", "place", "family")
    return sorted(dict.fromkeys(found.values()), key=order)


def pages_of(rows: list[Row]) -> dict[str, list[Row]]:
    """Return the rows by the beginning of their names, each short enough for a page.

    A page keeps its name and its content while packages come to others. Rows that fit on one page
    are the one page ``""``.
    """
    return dict(_split("", rows))


def _split(beginning: str, rows: list[Row]) -> Iterator[tuple[str, list[Row]]]:
    if len(rows) <= ROWS_PER_PAGE or len({row.name.lower() for row in rows}) == 1:
        yield beginning, rows
        return
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.name[: len(beginning) + 1].lower(), []).append(row)
    for longer, group in sorted(groups.items()):
        if longer == beginning:
            # Names that are no longer than what all here begin with.
            yield longer, group
        else:
            yield from _split(longer, group)


def _hosts(architecture: str, architectures: tuple[str, ...]) -> tuple[str, ...]:
    return architectures if architecture in (ALL, NOARCH) else (architecture,)


def _compare(left: Row, right: Row) -> int:
    compare = compare_rpms if left.family == RPM else compare_debs
    return compare(left.version, right.version)
