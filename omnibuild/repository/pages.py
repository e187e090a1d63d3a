"""What people and programs find beside the indexes: keys, tarballs, the installer, pages.

What pages were made of is recorded (``state/catalogue.json``). While they are written the record is
away: whoever finds none, or none that fits, makes all of them again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

import msgspec
from msgspec import Struct

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError
from omnibuild.repository import layout
from omnibuild.repository.clients.installer import Keys, installer
from omnibuild.repository.clients.tarballs import tarball_list
from omnibuild.repository.keys.trusted import apt_keyring, rpm_keyring
from omnibuild.repository.state.channel import Channel, Contents
from omnibuild.repository.state.damage import UNREADABLE
from omnibuild.repository.state.entries import Download
from omnibuild.repository.state.head import Head, Repository, read_release
from omnibuild.repository.targets.target import Target
from omnibuild.repository.trust import listed_text, put_list, put_signed, sign_downloads
from omnibuild.repository.web.catalogue import (
    Edition,
    catalogued,
    changed_in,
    changed_names,
    updated,
)
from omnibuild.repository.web.frame import frame
from omnibuild.repository.web.landing import landing_page
from omnibuild.repository.web.listing import Offer, offers, yanks
from omnibuild.repository.web.lists import front_of, list_paths, lists
from omnibuild.repository.web.package import Known, package_page
from omnibuild.repository.web.programs import overview
from omnibuild.repository.web.site import Site
from omnibuild.signing.signer import Signer

DEFAULT_CHANNEL = "stable"
# Pages that are written at a time.
TOGETHER = 512


class View(Struct, frozen=True):
    """What pages were made of.

    Args:
        releases: those of the channels, by their names.
        frame: what is equal where equal rows make equal pages.
        edition: the catalogue.
        listed: whether there are lists beside the front page.
        beside: the keys, and what the installer is made of and signed with.
        keys: the keys alone.
    """

    releases: Mapping[str, Digest]
    frame: Digest
    edition: Edition
    listed: bool
    beside: Digest = ""
    keys: Digest = ""

    @property
    def lists(self) -> set[str]:
        """The paths of all lists."""
        return list_paths(self.edition) if self.listed else set()


class _Past(Struct, frozen=True):
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
    site = Site.of(record, channels, default)
    past = None if through else _past(target, frame(site), site.first)
    keys = digests.of_bytes(apt_keyring(record.keys)[0])
    # What other keys have signed is looked through, as hosts may not believe them any more.
    same = past if past and past.view.keys == keys else None
    _publish_tarballs(target, record, channels, same, signer)
    beside = _publish_installer(target, record, default, signer, past)
    edition, found, past = _edition(target, site.first, channels, past)
    front = front_of(target, edition)
    view = View(head.releases, frame(site), edition, front is None, beside, keys)
    _write_pages(target, site, view, _known(channels, found, past), past)
    page = landing_page(site, channels, edition, front)
    target.put(layout.LANDING_PAGE, page.encode())
    rows = front.rows if front else None
    target.put(layout.PACKAGES_JSON, overview(site, channels, rows, edition.leaves).encode())


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
) -> tuple[Edition, Mapping[str, Sequence[Offer]], _Past | None]:
    """Return the catalogue, what changed of it by names, and the past if it was of use."""
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
            found = offers(channels, names)
            return updated(target, past.view.edition, found), found, past
        except RepositoryError:
            # Some of it is gone, or damaged; if it is a channel's own, that is said below.
            pass
    found = offers(channels)
    return catalogued(target, first, found), found, None


def _known(
    channels: Mapping[str, Channel], found: Mapping[str, Sequence[Offer]], past: _Past | None
) -> dict[str, Known]:
    """Return what there is to tell of names that changed, or of all."""
    yanked = yanks(channels, found if past else None)
    names = sorted({*found, *yanked})
    return {name: Known(found.get(name, ()), yanked.get(name, ())) for name in names}


def _write_pages(
    target: Target,
    site: Site,
    view: View,
    known: Mapping[str, Known],
    past: _Past | None,
) -> None:
    if past and past.view == view:
        return
    if not past:
        target.remove(layout.CATALOGUED)
    own = (
        (layout.package_page(name), package_page(site, name, each, target.read))
        for name, each in known.items()
        if each
    )
    _put_all(target, own)
    if view.listed:
        leaves = past.view.edition.leaves if past and past.view.listed else ()
        _put_all(target, lists(target, site, view.edition, leaves))
    if past:
        gone = {layout.package_page(name) for name, each in known.items() if not each}
        gone |= past.view.lists - view.lists
        former = {leaf.digest for leaf in past.view.edition.leaves}
    else:
        kept = {*map(layout.package_page, known), *view.lists}
        there = (layout.PACKAGES, layout.LISTS)
        gone = {f"{each}/{name}" for each in there for name in target.names(each)} - kept
        former = {name.partition(".")[0] for name in target.names(layout.CATALOGUE)}
    for path in gone:
        target.remove(path)
    target.put(layout.CATALOGUED, msgspec.json.encode(view) + b"\n")
    for digest in former - {leaf.digest for leaf in view.edition.leaves}:
        target.remove(layout.catalogue_leaf(digest))


def _put_all(target: Target, pages: Iterator[tuple[str, str]]) -> None:
    # Some together: their directory is then brought to disk once for all of them.
    while some := list(islice(pages, TOGETHER)):
        target.put_all({path: text.encode() for path, text in some})


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


def _publish_installer(
    target: Target, record: Repository, default: str, signer: Signer, past: _Past | None
) -> Digest:
    """Write keys and the installer, unless they are those of the past; return what they are."""
    armored, binary = apt_keyring(record.keys)
    for_dnf = rpm_keyring(record.keys)
    script = installer(
        name=record.name,
        former_names=record.former_names,
        title=record.title,
        keys=Keys(
            record.fingerprint,
            tuple(key.fingerprint for key in record.keys),
            armored.decode(),
            for_dnf.decode(),
            record.keyring.serial,
        ),
        base_url=record.base_url,
        channel=default,
        components=record.components,
        systems=record.systems.values(),
    )
    names = (record.name, *record.former_names)
    signers = [each.fingerprint for each in signer.all]
    beside = digests.of_json([script, armored.decode(), list(names), signers])
    if past and past.view.beside == beside:
        return beside
    for name in names:
        target.put(layout.key_path(name, "asc"), armored)
        target.put(layout.key_path(name, "gpg"), binary)
        target.put(layout.rpm_key_path(name), for_dnf)
    put_signed(target, layout.INSTALLER, script.encode(), signer)
    return beside
