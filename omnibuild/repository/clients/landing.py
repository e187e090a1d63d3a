"""The pages of a repository: how a person installs from it, and what is in it.

No scripts, and nothing from elsewhere. All that comes from packages is escaped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from omnibuild.digests import Digest
from omnibuild.events import human_size
from omnibuild.repository import layout
from omnibuild.repository.apt.suite import ALL
from omnibuild.repository.clients.commands import (
    SQV,
    UNKNOWN_URL,
    address,
    apt_commands,
    checked,
    dnf_commands,
    options_for,
)
from omnibuild.repository.clients.listing import Row, newest_rows, newest_tarballs, pages_of
from omnibuild.repository.clients.systems import APT, DNF, HostSystem
from omnibuild.repository.clients.template import render
from omnibuild.repository.state.channel import Channel, Index
from omnibuild.repository.state.entries import Deb, Rpm
from omnibuild.repository.state.head import Repository
from omnibuild.repository.yum.metadata import NOARCH

# Stands for what there is none of.
UNKNOWN_PACKAGE = "PACKAGE"


@dataclass(frozen=True)
class Place:
    """A suite of apt or a yum tree that holds packages.

    Args:
        packages: their names, sorted.
        hosts: what people call the hosts that have some of them.
    """

    name: str
    packages: tuple[str, ...]
    hosts: tuple[str, ...]


def landing_pages(
    record: Repository, channels: Mapping[str, Channel], default: str
) -> dict[str, str]:
    """Return all pages by their path; ``default`` is the channel that the instructions follow."""
    pages = pages_of(newest_rows(channels))
    front = {
        "STYLE": render("style.css", {}),
        "TITLE": escape(record.title),
        **_ways(record, channels, default),
        "PACKAGES": _packages(pages),
        **_key(record),
    }
    found = {layout.LANDING_PAGE: render("index.html.in", front)}
    for beginning, rows in pages.items():
        if beginning:
            values = {
                "STYLE": front["STYLE"],
                "TITLE": front["TITLE"],
                "BEGINNING": escape(beginning),
                "TABLE": _table(rows, "../"),
            }
            found[layout.packages_page(beginning)] = render("packages.html.in", values)
    return found


def _ways(record: Repository, channels: Mapping[str, Channel], default: str) -> dict[str, str]:
    """Return what the front page says of ways to install: those that there are packages for."""
    # Each family is shown in the first channel that has something for it.
    apt_channel = _first(channels, default, lambda content: _of(content.suites))
    dnf_channel = _first(channels, default, lambda content: _of(content.trees))
    apt = _suites(record, apt_channel, channels[apt_channel])
    dnf = _trees(record, channels[dnf_channel])
    tarballs = newest_tarballs(channels)
    ways = [
        *([_apt(record, apt_channel, apt)] if apt else []),
        *([_dnf(record, dnf_channel, dnf)] if dnf else []),
        *(
            [_tarball(record, tarballs[0], _holder(tarballs[0], channels, default))]
            if tarballs
            else []
        ),
    ]
    kinds = [
        kind for kind, there in (("apt", apt), ("dnf", dnf), ("plain Linux", tarballs)) if there
    ]
    channel = _first(channels, default, _held)
    seen = [
        *(apt if apt_channel == channel else []),
        *(dnf if dnf_channel == channel else []),
    ]
    # Who has nothing yet is shown how it will be.
    installed = seen or not any(content.downloads.count for content in channels.values())
    return {
        "ABOUT": f"Signed packages{' for ' if kinds else ''}{_listed(kinds)}.",
        "INSTALL": _install(record, channels, channel, default, seen) if installed else "",
        "BY_HAND": render("by-hand.html.in", {"WAYS": "".join(ways).strip()}) if ways else "",
    }


def _first(
    channels: Mapping[str, Channel], default: str, held: Callable[[Channel], Collection[str]]
) -> str:
    """Return the first channel that holds some of what is asked for; the default one if none."""
    return next((name for name in (default, *sorted(channels)) if held(channels[name])), default)


def _holder(row: Row, channels: Mapping[str, Channel], default: str) -> str:
    """Return the channel that holds a tarball; nothing where it is the default one."""
    file = row.href.rpartition("/")[2]
    found = _first(
        channels, default, lambda content: {item.name for item in content.downloads} & {file}
    )
    return "" if found == default else found


def _held(content: Channel) -> set[Digest]:
    """Return the identities of what package managers install."""
    return _of(content.suites) | _of(content.trees)


def _of(indexes: Mapping[str, Index[Deb]] | Mapping[str, Index[Rpm]]) -> set[Digest]:
    return {package.identity for index in indexes.values() for package in index}


def _suites(record: Repository, channel: str, content: Channel) -> list[Place]:
    """Return the suites that hold packages, the plain one, named as the channel, first."""
    found = []
    for suite in sorted(content.suites):
        fitting = _systems(record, APT, suite.removeprefix(channel))
        found.append(_place(suite, list(content.suites[suite]), fitting, ALL))
    return [place for place in found if place.packages]


def _trees(record: Repository, content: Channel) -> list[Place]:
    """Return the yum trees that hold packages."""
    found = [
        _place(tree, list(content.trees[tree]), _systems(record, DNF, tree), NOARCH)
        for tree in sorted(content.trees)
    ]
    return [place for place in found if place.packages]


def _systems(record: Repository, family: str, place: str) -> list[HostSystem]:
    systems = sorted(record.systems.values())
    return [system for system in systems if (system.family, system.place) == (family, place)]


def _place(
    name: str, packages: Sequence[Deb | Rpm], systems: Iterable[HostSystem], every: str
) -> Place:
    held = {package.architecture for package in packages}
    hosts = [system.title for system in systems if held & {system.architecture, every}]
    names = sorted({package.name for package in packages})
    return Place(name, tuple(names), tuple(dict.fromkeys(hosts)))


def _install(
    record: Repository,
    channels: Mapping[str, Channel],
    channel: str,
    default: str,
    places: Sequence[Place],
) -> str:
    options = options_for(record, "" if channel == default else channel)
    note = f"<p>Write this page's own address for <code>{UNKNOWN_URL}</code>.</p>"
    hosts = sorted({host for place in places for host in place.hosts})
    package = min((place.packages[0] for place in places), default=UNKNOWN_PACKAGE)
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
            for name, content in sorted(channels.items())
            if name != channel and _held(content) - _held(channels[channel])
        ),
    }
    return render("install.html.in", values)


def _apt(record: Repository, channel: str, places: Sequence[Place]) -> str:
    first = places[0]
    values = {
        "HOSTS": escape(_hosts(places) or "Debian and Ubuntu"),
        "COMMANDS": _code(apt_commands(record, first.name, first.packages[0]), "Commands for apt"),
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
    package = first.packages[0]
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


def _packages(pages: Mapping[str, list[Row]]) -> str:
    if "" in pages:
        return _table(pages[""], "") if pages[""] else "<p>None yet.</p>"
    links = "\n".join(
        f'<li><a href="{escape(layout.packages_page(beginning))}">{escape(beginning)}</a>'
        f" ({len(rows)})</li>"
        for beginning, rows in pages.items()
    )
    return f'<p>By the beginning of their names:</p>\n<ul class="beginnings">\n{links}\n</ul>'


def _table(rows: Iterable[Row], root: str) -> str:
    lines = "\n".join(
        f'<tr><th scope="row"><a href="{escape(root + row.href)}">{escape(row.name)}</a></th>'
        f"<td>{escape(row.version)}</td><td>{escape(row.architecture)}</td>"
        f"<td>{escape(row.place)}</td><td>{escape(row.summary)}</td>"
        f'<td class="number">{human_size(row.size)}</td></tr>'
        for row in rows
    )
    return render("table.html.in", {"ROWS": lines}).rstrip("\n")


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
