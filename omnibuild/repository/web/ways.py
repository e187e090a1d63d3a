"""How hosts are set up: with the installer, and by hand for each kind of package that there is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from msgspec import Struct

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
from omnibuild.repository.clients.systems import APT, DNF, HostSystem
from omnibuild.repository.state.channel import Channel, Index
from omnibuild.repository.state.entries import NOARCH, Deb, Rpm
from omnibuild.repository.state.head import Repository
from omnibuild.repository.web.document import code, render, text
from omnibuild.repository.web.listing import Row, shown
from omnibuild.repository.web.site import Site

# Stands for what there is none of.
UNKNOWN_PACKAGE = "PACKAGE"


class Place(Struct, frozen=True):
    """A suite of apt or a yum tree that holds packages.

    Args:
        package: the first of their names.
        hosts: what people call the hosts that have some of them.
    """

    name: str
    package: str
    hosts: tuple[str, ...]


def suites(record: Repository, channel: str, content: Channel) -> list[Place]:
    """Return the suites that hold packages, the plain one, named as the channel, first."""
    return [
        _place(suite, firsts, _systems(record, APT, suite.removeprefix(channel)), ALL)
        for suite, index in sorted(content.suites.items())
        if (firsts := _firsts(index))
    ]


def trees(record: Repository, content: Channel) -> list[Place]:
    """Return the yum trees that hold packages."""
    return [
        _place(tree, firsts, _systems(record, DNF, tree), NOARCH)
        for tree, index in sorted(content.trees.items())
        if (firsts := _firsts(index))
    ]


def _firsts(index: Index[Deb] | Index[Rpm]) -> dict[str, str]:
    """Return the first name of each architecture that has packages."""
    found: dict[str, str] = {}
    ledgers: Iterable[Iterable[Deb | Rpm]] = index.lists.values()
    for first in (package for ledger in ledgers for package in islice(shown(ledger), 1)):
        found[first.architecture] = min(found.get(first.architecture, first.name), first.name)
    return found


def _systems(record: Repository, family: str, place: str) -> list[HostSystem]:
    systems = sorted(record.systems.values())
    return [system for system in systems if (system.family, system.place) == (family, place)]


def _place(
    name: str, firsts: Mapping[str, str], systems: Iterable[HostSystem], every: str
) -> Place:
    hosts = [system.title for system in systems if {*firsts} & {system.architecture, every}]
    return Place(name, min(firsts.values()), tuple(dict.fromkeys(hosts)))


def by_installer(site: Site, channel: str, others: Iterable[str], places: Sequence[Place]) -> str:
    """Return how the installer sets up a host.

    Args:
        site: the repository.
        channel: the one that it shall follow.
        others: channels that have packages which that one has not.
        places: those of the channel.
    """
    record = site.record
    options = options_for(record, site.followed(channel))
    note = f"<p>Write this page's own address for <code>{UNKNOWN_URL}</code>.</p>"
    hosts = sorted({host for place in places for host in place.hosts})
    package = min((place.package for place in places), default=UNKNOWN_PACKAGE)
    command = f"curl -fsSL {address(record)}/{layout.INSTALLER} | sudo sh -s --{options} {package}"
    run = f"sudo sh {layout.INSTALLER}{options} {package}"
    values = {
        "SYSTEMS": f"<p>For {text(', '.join(hosts))}.</p>" if hosts else "",
        "INSTALL_COMMAND": code(command, "Install with one command"),
        "INSTALLER": layout.INSTALLER,
        "CHECKED": code(checked(record, layout.INSTALLER, run), "Check the script first"),
        "ADDRESS_NOTE": "" if record.base_url else note,
        "CHANNELS": _only_in(list(others)),
    }
    return render("install.html.in", values)


def _only_in(others: Sequence[str]) -> str:
    """Return how to get what the channel of the command has not."""
    if not others:
        return ""
    first = f"<code>--channel {text(others[0])}</code>"
    if len(others) == 1:
        said = f"the channel <code>{text(others[0])}</code> comes with {first}"
    else:
        names = ", ".join(f"<code>{text(name)}</code>" for name in others)
        said = f"another channel ({names}) comes with its name, as {first},"
    return f"\n<p>What is only in {said} before the package's name.</p>"


def by_apt(record: Repository, channel: str, places: Sequence[Place]) -> str:
    """Return how apt is set up by hand."""
    first = places[0]
    values = {
        "HOSTS": text(_hosts(places) or "Debian and Ubuntu"),
        "COMMANDS": code(apt_commands(record, first.name, first.package), "Commands for apt"),
        "SUITES": "".join(
            f"<p>On {text(', '.join(place.hosts))} the suite is"
            f" <code>{text(place.name)}</code>.</p>"
            for place in places
            if place.name != channel and place.hosts
        ),
    }
    return render("apt.html.in", values)


def by_dnf(record: Repository, channel: str, places: Sequence[Place]) -> str:
    """Return how dnf is set up by hand."""
    first, *others = places
    package = first.package
    commands = dnf_commands(record, channel, first.name, package)
    values = {
        "HOSTS": text(_hosts(places) or "Enterprise Linux"),
        "COMMANDS": code(commands, "Commands for dnf"),
        "TREES": "".join(
            f"<p>On {text(', '.join(place.hosts) or place.name)} write"
            f" <code>{text(place.name)}</code> for <code>{text(first.name)}</code>.</p>"
            for place in others
        ),
        "PACKAGE": text(package),
    }
    return render("dnf.html.in", values)


def _hosts(places: Iterable[Place]) -> str:
    return ", ".join(dict.fromkeys(host for place in places for host in place.hosts))


def by_tarball(record: Repository, row: Row, channel: str) -> str:
    """Return how a tarball is installed or unpacked; ``channel`` is empty for the default one."""
    file = row.href.rpartition("/")[2]
    unpack = f"tar -xf {file}"
    by_user = ""
    if row.architecture.startswith("linux-"):
        options = f"{options_for(record, channel)} --user {row.name}"
        command = f"curl -fsSL {address(record)}/{layout.INSTALLER} | sh -s --{options}"
        by_user = (
            "<p>The script installs it below <code>~/.local</code>, without root:</p>\n"
            + code(command, "Install a tarball with one command")
        )
    values = {
        "BY_USER": by_user,
        "UNPACKING": " Unpacking needs <code>zstd</code>." if file.endswith(".zst") else "",
        "TARBALL_COMMANDS": code(checked(record, row.href, unpack), "Commands for a tarball"),
        "SQV_COMMANDS": code(
            checked(record, row.href, unpack, verifier=SQV), "Commands for a tarball, with sqv"
        ),
    }
    return render("tarball.html.in", values)
