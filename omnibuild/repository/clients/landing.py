"""The pages of a repository: how a person installs from it, and what is in it.

No scripts, and nothing from elsewhere. All that comes from packages is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import islice

from omnibuild.repository import layout
from omnibuild.repository.apt.suite import ALL
from omnibuild.repository.clients.catalogue import Edition
from omnibuild.repository.clients.commands import (
    SQV,
    UNKNOWN_URL,
    address,
    apt_commands,
    checked,
    dnf_commands,
    options_for,
)
from omnibuild.repository.clients.listing import Row, newest_tarball
from omnibuild.repository.clients.packages import name_of, page_path, table
from omnibuild.repository.clients.systems import APT, DNF, HostSystem
from omnibuild.repository.clients.template import render
from omnibuild.repository.state.channel import Channel, Index
from omnibuild.repository.state.entries import Deb, Rpm, key_of
from omnibuild.repository.state.head import Repository
from omnibuild.repository.yum.metadata import NOARCH

# Stands for what there is none of.
UNKNOWN_PACKAGE = "PACKAGE"


@dataclass(frozen=True)
class Place:
    """A suite of apt or a yum tree that holds packages.

    Args:
        package: the first of their names.
        hosts: what people call the hosts that have some of them.
    """

    name: str
    package: str
    hosts: tuple[str, ...]


def landing_page(
    record: Repository,
    channels: Mapping[str, Channel],
    default: str,
    edition: Edition,
    rows: Sequence[Row] | None,
) -> str:
    """Return the front page.

    Args:
        record: the repository.
        channels: what it holds.
        default: the channel that the instructions follow.
        edition: the catalogue of the channels.
        rows: all of that, where they are few.
    """
    front = {
        "STYLE": render("style.css", {}),
        "TITLE": escape(record.title),
        **_ways(record, channels, default, edition),
        "PACKAGES": _packages(edition, rows),
        **_key(record),
    }
    return render("index.html.in", front)


def _ways(
    record: Repository, channels: Mapping[str, Channel], default: str, edition: Edition
) -> dict[str, str]:
    """Return what the front page says of ways to install: those that there are packages for."""
    # Each family is shown in the first channel that has something for it.
    apt_channel = _first(channels, default, lambda content: _any(content.suites))
    dnf_channel = _first(channels, default, lambda content: _any(content.trees))
    apt = _suites(record, apt_channel, channels[apt_channel])
    dnf = _trees(record, channels[dnf_channel])
    tarball = newest_tarball(channels)
    ways = [
        *([_apt(record, apt_channel, apt)] if apt else []),
        *([_dnf(record, dnf_channel, dnf)] if dnf else []),
        *([_tarball(record, tarball, _holder(tarball, channels, default))] if tarball else []),
    ]
    kinds = [
        kind for kind, there in (("apt", apt), ("dnf", dnf), ("plain Linux", tarball)) if there
    ]
    channel = first_channel(channels, default)
    seen = [
        *(apt if apt_channel == channel else []),
        *(dnf if dnf_channel == channel else []),
    ]
    # Who has nothing yet is shown how it will be.
    installed = seen or not any(content.downloads.count for content in channels.values())
    others = [name for name in sorted(channels) if edition.only.get(name)]
    return {
        "ABOUT": f"Signed packages{' for ' if kinds else ''}{_listed(kinds)}.",
        "INSTALL": _install(record, others, channel, default, seen) if installed else "",
        "BY_HAND": render("by-hand.html.in", {"WAYS": "".join(ways).strip()}) if ways else "",
    }


def first_channel(channels: Mapping[str, Channel], default: str) -> str:
    """Return the channel that people are pointed to: the first with packages for their hosts."""
    return _first(channels, default, lambda held: _any(held.suites) or _any(held.trees))


def _first(channels: Mapping[str, Channel], default: str, held: Callable[[Channel], object]) -> str:
    """Return the first channel that holds some of what is asked for; the default one if none."""
    return next((name for name in (default, *sorted(channels)) if held(channels[name])), default)


def _holder(row: Row, channels: Mapping[str, Channel], default: str) -> str:
    """Return the channel that holds a tarball; nothing where it is the default one."""
    key = key_of(row.href, row.name)
    found = _first(channels, default, lambda content: content.downloads.get(key))
    return "" if found == default else found


def _any(indexes: Mapping[str, Index[Deb]] | Mapping[str, Index[Rpm]]) -> bool:
    return any(_firsts(index) for index in indexes.values())


def _firsts(index: Index[Deb] | Index[Rpm]) -> dict[str, str]:
    """Return the first name of each architecture that has packages."""
    found: dict[str, str] = {}
    ledgers: Iterable[Iterable[Deb | Rpm]] = index.lists.values()
    for first in (package for ledger in ledgers for package in islice(_shown(ledger), 1)):
        found[first.architecture] = min(found.get(first.architecture, first.name), first.name)
    return found


def _shown(packages: Iterable[Deb | Rpm]) -> Iterator[Deb | Rpm]:
    """Yield all packages but keyrings, which come by themselves."""
    return (each for each in packages if not layout.is_keyring_package(each.name))


def _suites(record: Repository, channel: str, content: Channel) -> list[Place]:
    """Return the suites that hold packages, the plain one, named as the channel, first."""
    return [
        _place(suite, firsts, _systems(record, APT, suite.removeprefix(channel)), ALL)
        for suite, index in sorted(content.suites.items())
        if (firsts := _firsts(index))
    ]


def _trees(record: Repository, content: Channel) -> list[Place]:
    """Return the yum trees that hold packages."""
    return [
        _place(tree, firsts, _systems(record, DNF, tree), NOARCH)
        for tree, index in sorted(content.trees.items())
        if (firsts := _firsts(index))
    ]


def _systems(record: Repository, family: str, place: str) -> list[HostSystem]:
    systems = sorted(record.systems.values())
    return [system for system in systems if (system.family, system.place) == (family, place)]


def _place(
    name: str, firsts: Mapping[str, str], systems: Iterable[HostSystem], every: str
) -> Place:
    hosts = [system.title for system in systems if {*firsts} & {system.architecture, every}]
    return Place(name, min(firsts.values()), tuple(dict.fromkeys(hosts)))


def _install(
    record: Repository,
    others: Iterable[str],
    channel: str,
    default: str,
    places: Sequence[Place],
) -> str:
    options = options_for(record, "" if channel == default else channel)
    note = f"<p>Write this page's own address for <code>{UNKNOWN_URL}</code>.</p>"
    hosts = sorted({host for place in places for host in place.hosts})
    package = min((place.package for place in places), default=UNKNOWN_PACKAGE)
    command = f"curl -fsSL {address(record)}/{layout.INSTALLER} | sudo sh -s --{options} {package}"
    run = f"sudo sh {layout.INSTALLER}{options} {package}"
    values = {
        "SYSTEMS": f"<p>For {escape(', '.join(hosts))}.</p>" if hosts else "",
        "INSTALL_COMMAND": _code(command, "Install with one command"),
        "INSTALLER": layout.INSTALLER,
        "CHECKED": _code(checked(record, layout.INSTALLER, run), "Check the script first"),
        "ADDRESS_NOTE": "" if record.base_url else note,
        "CHANNELS": "".join(
            f"\n<p>What is only in the channel <code>{escape(name)}</code> comes with"
            f" <code>--channel {escape(name)}</code> before the package's name.</p>"
            for name in others
        ),
    }
    return render("install.html.in", values)


def _apt(record: Repository, channel: str, places: Sequence[Place]) -> str:
    first = places[0]
    values = {
        "HOSTS": escape(_hosts(places) or "Debian and Ubuntu"),
        "COMMANDS": _code(apt_commands(record, first.name, first.package), "Commands for apt"),
        "SUITES": "".join(
            f"<p>On {escape(', '.join(place.hosts))} the suite is"
            f" <code>{escape(place.name)}</code>.</p>"
            for place in places
            if place.name != channel and place.hosts
        ),
    }
    return render("apt.html.in", values)


def _dnf(record: Repository, channel: str, places: Sequence[Place]) -> str:
    first, *others = places
    package = first.package
    commands = dnf_commands(record, channel, first.name, package)
    values = {
        "HOSTS": escape(_hosts(places) or "Enterprise Linux"),
        "COMMANDS": _code(commands, "Commands for dnf"),
        "TREES": "".join(
            f"<p>On {escape(', '.join(place.hosts) or place.name)} write"
            f" <code>{escape(place.name)}</code> for <code>{escape(first.name)}</code>.</p>"
            for place in others
        ),
        "PACKAGE": escape(package),
    }
    return render("dnf.html.in", values)


def _hosts(places: Iterable[Place]) -> str:
    return ", ".join(dict.fromkeys(host for place in places for host in place.hosts))


def _listed(words: Sequence[str]) -> str:
    """Return words as a sentence has them: ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _tarball(record: Repository, row: Row, channel: str) -> str:
    file = row.href.rpartition("/")[2]
    unpack = f"tar -xf {file}"
    by_user = ""
    if row.architecture.startswith("linux-"):
        options = f"{options_for(record, channel)} --user {row.name}"
        command = f"curl -fsSL {address(record)}/{layout.INSTALLER} | sh -s --{options}"
        by_user = (
            "<p>The script installs it below <code>~/.local</code>, without root:</p>"
            + _code(command, "Install a tarball with one command")
        )
    values = {
        "BY_USER": by_user,
        "UNPACKING": " Unpacking needs <code>zstd</code>." if file.endswith(".zst") else "",
        "TARBALL_COMMANDS": _code(checked(record, row.href, unpack), "Commands for a tarball"),
        "SQV_COMMANDS": _code(
            checked(record, row.href, unpack, verifier=SQV), "Commands for a tarball, with sqv"
        ),
    }
    return render("tarball.html.in", values)


def _packages(edition: Edition, rows: Sequence[Row] | None) -> str:
    if rows is not None:
        return table(rows, "") if rows else "<p>None yet.</p>"
    links = "\n".join(
        f'<li><a href="{escape(page_path(leaf))}">{escape(name_of(leaf))}</a></li>'
        for leaf in edition.leaves
    )
    return (
        "<p>Sorted by name; each page begins with the package that it is called after:</p>\n"
        f'<ul class="beginnings">\n{links}\n</ul>'
    )


def _key(record: Repository) -> dict[str, str]:
    groups = [record.fingerprint[i : i + 4] for i in range(0, len(record.fingerprint), 4)]
    command = f"gpg --show-keys --with-fingerprint {record.name}.asc"
    return {
        "FINGERPRINT": " ".join(groups),
        "KEY": escape(layout.key_path(record.name, "asc")),
        "KEY_COMMANDS": _code(command, "Show the fingerprint"),
    }


def _code(text: str, label: str) -> str:
    return f'<pre tabindex="0" aria-label="{escape(label)}"><code>{escape(text)}</code></pre>'
