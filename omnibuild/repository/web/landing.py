"""The front page of a repository: how a person installs from it, and what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omnibuild.repository import layout
from omnibuild.repository.clients.commands import address
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.entries import key_of
from omnibuild.repository.state.head import Repository
from omnibuild.repository.web import ways
from omnibuild.repository.web.catalogue import Edition
from omnibuild.repository.web.document import code, document, render, text
from omnibuild.repository.web.listing import Row, newest_tarball
from omnibuild.repository.web.lists import Front, entries
from omnibuild.repository.web.programs import name_of
from omnibuild.repository.web.site import Site, first_with, holds_any


def landing_page(
    site: Site, channels: Mapping[str, Channel], edition: Edition, front: Front | None
) -> str:
    """Return the front page.

    Args:
        site: the repository.
        channels: what it holds.
        edition: the catalogue of the channels.
        front: all of that, where it is little.
    """
    values = {
        "TITLE": text(site.record.title),
        **_ways(site, channels, edition),
        "PACKAGES": _packages(site, edition, front),
        **_key(site.record),
    }
    return document(f"{site.record.title}: packages", render("index.html.in", values))


def _ways(site: Site, channels: Mapping[str, Channel], edition: Edition) -> dict[str, str]:
    """Return what the front page says of ways to install: those that there are packages for."""
    record, default = site.record, site.default
    # Each family is shown in the first channel that has something for it.
    apt_channel = first_with(channels, default, lambda content: holds_any(content.suites))
    dnf_channel = first_with(channels, default, lambda content: holds_any(content.trees))
    apt = ways.suites(record, apt_channel, channels[apt_channel])
    dnf = ways.trees(record, channels[dnf_channel])
    tarball = newest_tarball(channels)
    found = [
        *([ways.by_apt(record, apt_channel, apt)] if apt else []),
        *([ways.by_dnf(record, dnf_channel, dnf)] if dnf else []),
        *([ways.by_tarball(record, tarball, _holder(site, tarball, channels))] if tarball else []),
    ]
    kinds = [
        kind for kind, there in (("apt", apt), ("dnf", dnf), ("plain Linux", tarball)) if there
    ]
    seen = [
        *(apt if apt_channel == site.first else []),
        *(dnf if dnf_channel == site.first else []),
    ]
    # Who has nothing yet is shown how it will be.
    installed = seen or not any(content.downloads.count for content in channels.values())
    others = [name for name in sorted(channels) if edition.only.get(name)]
    parts = [
        ("install", "Install"),
        ("by-hand", "By hand"),
        ("packages", "Packages"),
        ("key", "Key"),
    ]
    there = {"install": bool(installed), "by-hand": bool(found), "packages": True, "key": True}
    return {
        "ABOUT": f"Signed packages{' for ' if kinds else ''}{_listed(kinds)}.",
        "INSTALL": ways.by_installer(site, site.first, others, seen) if installed else "",
        "BY_HAND": render("by-hand.html.in", {"WAYS": "".join(found).strip()}) if found else "",
        "PARTS": " ".join(f'<a href="#{part}">{label}</a>' for part, label in parts if there[part]),
    }


def _holder(site: Site, row: Row, channels: Mapping[str, Channel]) -> str:
    """Return the channel that holds a tarball; nothing where it is the default one."""
    key = key_of(row.href, row.name)
    found = first_with(channels, site.default, lambda content: content.downloads.get(key))
    return site.followed(found)


def _listed(words: Sequence[str]) -> str:
    """Return words as a sentence has them: ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _packages(site: Site, edition: Edition, front: Front | None) -> str:
    if front is not None:
        return entries(site, front.entries, "") if front.entries else "<p>None yet.</p>"
    links = "\n".join(
        f'<li><a href="{text(layout.list_page(name_of(leaf)))}">{text(name_of(leaf))}</a></li>'
        for leaf in edition.leaves
    )
    count = sum(leaf.count for leaf in edition.leaves)
    return render("beginnings.html.in", {"COUNT": f"{count:,}", "LINKS": links})


def _key(record: Repository) -> dict[str, str]:
    groups = [record.fingerprint[i : i + 4] for i in range(0, len(record.fingerprint), 4)]
    key = layout.key_path(record.name, "asc")
    command = f"curl -fsSL {address(record)}/{key} | gpg --show-keys --with-fingerprint"
    return {
        "FINGERPRINT": " ".join(groups),
        "KEY": text(key),
        "KEY_COMMANDS": code(command, "Show the fingerprint"),
    }
