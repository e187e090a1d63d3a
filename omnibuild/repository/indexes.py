"""From what the channels hold to what readers see: indexes, and the pages about them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping

from msgspec.structs import replace

from omnibuild.errors import RepositoryError, UsageError, Where
from omnibuild.events import Emit, ReadersShown
from omnibuild.repository import layout
from omnibuild.repository.apt.release import release_date, signed_text
from omnibuild.repository.apt.suite import Suite, suite_of
from omnibuild.repository.apt.switch import publish_suites
from omnibuild.repository.pages import publish_pages
from omnibuild.repository.state.channel import Channel, Contents
from omnibuild.repository.state.head import (
    Head,
    Repository,
    State,
    load,
    read_release,
    read_shown,
)
from omnibuild.repository.targets.noted import Noted
from omnibuild.repository.targets.target import Target
from omnibuild.signing.signer import Signer

# A clock may be an hour off, as by a wrong time zone: then dates only go on from the last one.
FAR_OFF = 24 * 3600
DAY = 24 * 3600


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
        emit: takes a warning while somebody else shows it, and what readers find changed.
        channels: what was changed. What a killed publisher did not come to show is shown, too.
        through: look through what is in these channels, and all pages: what is damaged is written
            again. Else what readers have not been shown is.
    """
    with target.locked(layout.SHOWING, emit):
        state = load(target)
        if state.head is None:
            return False
        before, now = read_shown(target), state.head.sealed
        if now.repository.signers != tuple(each.fingerprint for each in signer.all):
            # Somebody had other keys sign meanwhile, and shows all that was published before.
            return False
        if through or before is None:
            target.distrust()
        wanted = {
            name: new if through and name in channels else _unseen(target, before, now, name, new)
            for name, new in state.contents.items()
        }
        behind = before is None or before.releases != now.releases
        if not is_shown(target, now):
            # Whoever finds it empty looks all through: what is written now may be cut off.
            target.put(layout.SHOWN, b"")
        noted = Noted(target)
        # While pages are written it is empty, too: who finds it so makes all of them again.
        pages_too = through or before is None
        changed = _publish_all(noted, state.head, state, wanted, signer, through=pages_too)
        target.put(layout.SHOWN, now.encoded())
    # What somebody changed who was killed has not been told of.
    if paths := noted.changed if before else noted.seen:
        emit(ReadersShown(now.repository.base_url, tuple(paths)))
    return changed or behind


@contextlib.contextmanager
def completed(target: Target, signer: Signer, emit: Emit) -> Iterator[None]:
    """Have readers see what a killed publisher published, also when the block refuses its words.

    Whoever says them again is told that there is nothing to do: so it has to be done.
    """
    try:
        yield
    except UsageError:
        state = load(target)
        if state.head and not is_shown(target, state.head.sealed):
            show(target, signer, (), emit)
        raise


def _unseen(
    target: Target, before: Head | None, now: Head, channel: str, new: Contents
) -> Contents:
    """Return those suites and trees of a channel that readers have not been shown."""
    known = before.releases.get(channel, "") if before else ""
    if before is None or not known or _in_all_channels(before) != _in_all_channels(now):
        return new
    old = read_release(target, known).contents
    suites = {name: each for name, each in new.suites.items() if old.suites.get(name) != each}
    # Which trees an advisory is of, their packages tell.
    anew = new.advisories != old.advisories
    trees = {name: each for name, each in new.trees.items() if anew or old.trees.get(name) != each}
    return Contents(suites, trees)


def _in_all_channels(shown: Head) -> tuple[object, ...]:
    """Return what all channels are shown anew for."""
    record = shown.repository
    return (record.base_url, record.signers, record.keys, record.components, record.contents)


def is_shown(target: Target, head: Head) -> bool:
    """Tell whether readers were shown the head: else its publisher was killed, or is at it."""
    shown = read_shown(target)
    return bool(shown and (shown.repository, shown.releases) == (head.repository, head.releases))


def _publish_all(
    target: Target,
    head: Head,
    state: State,
    wanted: Mapping[str, Contents],
    signer: Signer,
    *,
    through: bool,
) -> bool:
    """Write indexes of some suites and trees, and the pages; tell whether any was not so before."""
    now, record = int(time.time()), head.repository
    changed = []
    if any(contents.trees for contents in wanted.values()):
        # Many repositories have none.
        from omnibuild.repository.yum.tree import publish_tree, trees_of

        changed += [
            publish_tree(
                target, replace(each, kept=record.kept_seconds), signer, now, record.base_url
            )
            for channel, contents in wanted.items()
            for tree in contents.trees
            for each in trees_of(channel, tree, state.channels[channel], record.title)
        ]
    publish_pages(target, head, state.channels, signer, through=through)
    # Last of all, and all at once: it waits for readers.
    changed.append(publish_suites(target, suites_of(state.channels, record, wanted), signer, now))
    return any(changed)


def suites_of(
    channels: Mapping[str, Channel], record: Repository, wanted: Mapping[str, Contents]
) -> list[Suite]:
    """Return some suites of channels with what those hold for them."""
    return [
        replace(
            suite_of(
                channels[channel].suites[name],
                name,
                record.title,
                record.components,
                record.valid_days * DAY,
                contents=record.contents,
            ),
            kept=record.kept_seconds,
        )
        for channel, contents in wanted.items()
        for name in contents.suites
    ]


def renew(target: Target, signer: Signer, emit: Emit) -> tuple[str, ...]:
    """Date and sign all suites anew, which say the same otherwise; return their names.

    Trees stay: dnf knows no end of what is signed, and would fetch what it has.
    """
    with target.locked(layout.SHOWING, emit):
        state = load(target)
        if state.head is None:
            return ()
        suites = suites_of(state.channels, state.head.repository, state.contents)
        shown = target.read(layout.SHOWN)
        # Whoever finds it empty looks all through: what is written now may be cut off.
        target.put(layout.SHOWN, b"")
        publish_suites(target, suites, signer, int(time.time()), renew=True)
        target.put(layout.SHOWN, shown)
    return tuple(suite.name for suite in suites)


def check_clock(target: Target, channels: Mapping[str, Channel]) -> None:
    """Raise :class:`RepositoryError` when the clock is far behind a date that hosts have seen."""
    now = int(time.time())
    for path, date_in in _dates(channels):
        if date_in(target.recall(path)) <= now + FAR_OFF:
            continue
        # Somebody may have removed the file.
        target.distrust()
        if (date := date_in(target.read(path))) > now + FAR_OFF:
            raise RepositoryError(
                f"this machine's clock is {(date - now) // DAY} days behind the last publishing",
                where=Where(target.place(path)),
                why=f"published {time.ctime(date)}, now it is {time.ctime(now)}",
                hint="set the clock; if it was wrong at that publishing, remove that file: hosts"
                " refuse it anyway",
            )


def _dates(channels: Mapping[str, Channel]) -> Iterator[tuple[str, Callable[[bytes], int]]]:
    """Yield the files that hosts see the date of, and what finds it there."""
    for channel, content in channels.items():
        for suite in content.suites:
            path = f"{layout.suite_directory(suite)}/InRelease"
            yield path, lambda message: release_date(signed_text(message))
        if not content.trees:
            continue
        from omnibuild.repository.yum.tree import revision

        for tree, index in content.trees.items():
            for architecture in index.architectures:
                directory = layout.yum_directory(channel, tree, architecture)
                yield f"{directory}/repodata/repomd.xml", revision
