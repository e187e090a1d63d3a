"""What people and programs find beside the indexes: keys, tarballs, the installer, pages.

What pages were made of is recorded (``state/catalogue.json``). While they are written the record is
away: whoever finds none, or none that fits, makes all of them again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError
from omnibuild.repository import layout
from omnibuild.repository.clients.catalogue import (
    Edition,
    catalogued,
    changed_in,
    changed_names,
    updated,
)
from omnibuild.repository.clients.installer import installer
from omnibuild.repository.clients.landing import first_channel, landing_page
from omnibuild.repository.clients.listing import Row
from omnibuild.repository.clients.packages import as_json, frame, front_rows, pages, paths
from omnibuild.repository.clients.tarballs import tarball_list
from omnibuild.repository.keys.trusted import apt_keyring, rpm_keyring
from omnibuild.repository.state.channel import Channel, Contents
from omnibuild.repository.state.damage import UNREADABLE
from omnibuild.repository.state.entries import Download
from omnibuild.repository.state.head import Head, Repository, read_release
from omnibuild.repository.targets.target import Target
from omnibuild.repository.trust import listed_text, put_list, put_signed, sign_downloads
from omnibuild.signing.signer import Signer

DEFAULT_CHANNEL = "stable"


class View(Struct, frozen=True):
    """What pages were made of.

    Args:
        releases: those of the channels, by their names.
        frame: what is equal where equal rows make equal pages.
        edition: the catalogue.
        paged: whether there is more than the front page.
    """

    releases: Mapping[str, Digest]
    frame: Digest
    edition: Edition
    paged: bool

    @property
    def paths(self) -> set[str]:
        """The paths of all pages but the front one."""
        return paths(self.edition) if self.paged else set()


@dataclass(frozen=True)
class _Past:
    """What there was when the pages were made; ``contents`` are those of the channels."""

    view: View
    contents: Mapping[str, Contents]


def publish_pages(
    target: Target,
    head: Head,
    channels: Mapping[str, Channel],
    signer: Signer,
    *,
    through: bool,
) -> None:
    """Write what is beside the indexes.

    Args:
        target: the repository.
        head: what is shown.
        channels: what that holds.
        signer: the repository's key.
        through: look all through, and write again what is damaged; else what changed is written.
    """
    record = head.repository
    default = DEFAULT_CHANNEL if DEFAULT_CHANNEL in channels else min(channels)
    first = first_channel(channels, default)
    past = None if through else _past(target, frame(record), first)
    _publish_tarballs(target, record, channels, past, signer)
    _publish_installer(target, record, default, signer)
    edition, rows, past = _edition(target, first, channels, past)
    view = View(head.releases, frame(record), edition, paged=rows is None)
    _write_pages(target, record, view, past)
    front = landing_page(record, channels, default, edition, rows)
    target.put(layout.LANDING_PAGE, front.encode())
    listed = as_json(rows or (), () if rows is not None else edition.leaves)
    target.put(layout.PACKAGES_JSON, listed.encode())


def _past(target: Target, now: Digest, first: str) -> _Past | None:
    try:
        view = msgspec.json.decode(target.read(layout.CATALOGUED), type=View)
        if (view.frame, view.edition.first) != (now, first):
            return None
        releases = view.releases.items()
        return _Past(view, {name: read_release(target, each).contents for name, each in releases})
    except (RepositoryError, *UNREADABLE):
        # It is derived: who cannot read it makes it again.
        return None


def _edition(
    target: Target, first: str, channels: Mapping[str, Channel], past: _Past | None
) -> tuple[Edition, list[Row] | None, _Past | None]:
    """Return the catalogue, its rows if they are few, and the past if it was of use."""
    if past:
        try:
            names = {
                name
                for channel in {*channels, *past.contents}
                for name in changed_names(
                    target,
                    past.contents.get(channel, Contents()),
                    channels[channel].contents() if channel in channels else Contents(),
                )
            }
            edition = updated(target, past.view.edition, channels, names)
            return edition, front_rows(target, edition), past
        except RepositoryError:
            # Some of it is gone, or damaged; if it is a channel's own, that is said below.
            pass
    edition = catalogued(target, first, channels)
    return edition, front_rows(target, edition), None


def _write_pages(target: Target, record: Repository, view: View, past: _Past | None) -> None:
    if past and past.view == view:
        return
    target.remove(layout.CATALOGUED)
    known = past.view.edition.leaves if past and past.view.paged else ()
    if view.paged:
        for path, text in pages(target, record, view.edition, known):
            target.put(path, text.encode())
    if past:
        old = past.view.paths
        former = {leaf.digest for leaf in past.view.edition.leaves}
    else:
        old = {f"{layout.PACKAGES}/{name}" for name in target.names(layout.PACKAGES)}
        former = {name.partition(".")[0] for name in target.names(layout.CATALOGUE)}
    for path in old - view.paths:
        target.remove(path)
    target.put(layout.CATALOGUED, msgspec.json.encode(view) + b"\n")
    for digest in former - {leaf.digest for leaf in view.edition.leaves}:
        target.remove(layout.catalogue_leaf(digest))


def _publish_tarballs(
    target: Target,
    record: Repository,
    channels: Mapping[str, Channel],
    past: _Past | None,
    signer: Signer,
) -> None:
    for channel, content in channels.items():
        before = past.contents.get(channel, Contents()).downloads if past else ()
        leaves = content.downloads.leaves
        if past and before == tuple(leaves):
            continue
        new = changed_in(target, Download, before, leaves)
        sign_downloads(target, filter(None, new.values()), signer)
        path = layout.tarball_list(channel)
        said = listed_text(target, path)
        if content.downloads.count or said:
            text = tarball_list(record, channel, content, said, int(time.time()))
            put_list(target, path, text, signer)


def _publish_installer(target: Target, record: Repository, default: str, signer: Signer) -> None:
    armored, binary = apt_keyring(record.keys)
    for name in (record.name, *record.former_names):
        target.put(layout.key_path(name, "asc"), armored)
        target.put(layout.key_path(name, "gpg"), binary)
        target.put(layout.rpm_key_path(name), rpm_keyring(record.keys))
    script = installer(
        name=record.name,
        former_names=record.former_names,
        title=record.title,
        fingerprint=record.fingerprint,
        key=armored.decode(),
        base_url=record.base_url,
        channel=default,
        components=record.components,
        systems=record.systems.values(),
    )
    put_signed(target, layout.INSTALLER, script.encode(), signer)
