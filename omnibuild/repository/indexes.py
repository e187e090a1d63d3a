"""From what the channels hold to what readers see: indexes, and the pages about them."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec
from msgspec import Struct

from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError, Where
from omnibuild.events import Emit
from omnibuild.repository import layout
from omnibuild.repository.apt.release import release_date, signed_text
from omnibuild.repository.apt.suite import suite_of
from omnibuild.repository.apt.switch import publish_suites
from omnibuild.repository.pages import publish_pages
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.damage import UNREADABLE
from omnibuild.repository.state.head import Head, Repository, load
from omnibuild.repository.targets.target import Target
from omnibuild.repository.yum.metadata import NOARCH
from omnibuild.repository.yum.tree import pieces_of, publish_tree, revision
from omnibuild.signing.signer import Signer

# A clock may be an hour off, as by a wrong time zone: then dates only go on from the last one.
FAR_OFF = 24 * 3600
DAY = 24 * 3600


class Shown(Struct, frozen=True):
    """What readers were last shown: the record and releases of a head."""

    repository: Repository
    releases: Mapping[str, Digest]


def show(
    target: Target,
    signer: Signer,
    channels: Collection[str],
    emit: Emit,
    *,
    through: bool = False,
) -> bool:
    """Have readers see the present; tell whether they see anything else than before.

    Args:
        target: the repository.
        signer: its key.
        emit: takes a warning while somebody else shows it.
        channels: what was changed, or shall be looked through: what is damaged is written again.
            What a killed publisher did not come to show is shown in any case.
        through: look through all pages, too.
    """
    with target.locked(layout.SHOWING, emit):
        state = load(target)
        if state.head is None:
            return False
        before = _shown(target)
        now = Shown(state.head.repository, state.head.releases)
        moved = before is None or before.repository.base_url != now.repository.base_url
        behind = {
            name
            for name, digest in now.releases.items()
            if moved or before is None or before.releases.get(name) != digest
        }
        listed = [name for name in state.channels if name in behind or name in channels]
        changed = _publish_all(target, state.head, state.channels, listed, signer, through=through)
        target.put(layout.SHOWN, msgspec.json.encode(now) + b"\n")
    return changed or bool(behind)


def _shown(target: Target) -> Shown | None:
    try:
        return msgspec.json.decode(target.read(layout.SHOWN), type=Shown)
    except UNREADABLE:
        # Damaged or not there: then all is looked through.
        return None


def _publish_all(
    target: Target,
    head: Head,
    channels: Mapping[str, Channel],
    shown: Iterable[str],
    signer: Signer,
    *,
    through: bool,
) -> bool:
    """Write all indexes of some channels, and the pages; tell whether any was not so before."""
    now, record = int(time.time()), head.repository
    listed = [(name, channels[name]) for name in shown]
    changed = [_publish_trees(target, record, *item, signer, now) for item in listed]
    publish_pages(target, head, channels, signer, through=through)
    suites = [
        suite_of(index, suite, record.title)
        for _, content in listed
        for suite, index in content.suites.items()
    ]
    # Last of all, and all at once: it waits for readers.
    changed.append(publish_suites(target, suites, signer, now))
    return any(changed)


def _publish_trees(
    target: Target, record: Repository, channel: str, content: Channel, signer: Signer, now: int
) -> bool:
    changed = []
    for tree, index in content.trees.items():
        for architecture in index.architectures:
            names = dict.fromkeys((architecture, NOARCH))
            pieces = pieces_of(*(index.lists[name] for name in names if name in index.lists))
            directory = layout.yum_directory(channel, tree, architecture)
            changed.append(publish_tree(target, directory, pieces, signer, now, record.base_url))
    return any(changed)


def check_clock(target: Target, channels: Mapping[str, Channel]) -> None:
    """Raise :class:`RepositoryError` when the clock is far behind a date that hosts have seen."""
    now = int(time.time())
    for path, date in _dates(target, channels):
        if date > now + FAR_OFF:
            raise RepositoryError(
                f"this machine's clock is {(date - now) // DAY} days behind the last publishing",
                where=Where(target.place(path)),
                why=f"published {time.ctime(date)}, now it is {time.ctime(now)}",
                hint="set the clock; if it was wrong at that publishing, remove that file: hosts"
                " refuse it anyway",
            )


def _dates(target: Target, channels: Mapping[str, Channel]) -> Iterator[tuple[str, int]]:
    for channel, content in channels.items():
        for suite in content.suites:
            path = f"{layout.suite_directory(suite)}/InRelease"
            yield path, release_date(signed_text(target.read(path)))
        for tree, index in content.trees.items():
            for architecture in index.architectures:
                directory = layout.yum_directory(channel, tree, architecture)
                path = f"{directory}/repodata/repomd.xml"
                yield path, revision(target.read(path))
