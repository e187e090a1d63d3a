"""A channel goes back to what it held before: a rollout is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from omnibuild.digests import Digest
from omnibuild.errors import UsageError
from omnibuild.events import Emit, Warned, silent
from omnibuild.repository import layout
from omnibuild.repository.draft import Draft, Signed
from omnibuild.repository.indexes import check_clock, is_shown
from omnibuild.repository.life.files import (
    check_download,
    check_there,
    deb_file,
    directories_of,
    rpm_files,
    spread,
)
from omnibuild.repository.life.history import known_channel
from omnibuild.repository.pages import DEFAULT_CHANNEL
from omnibuild.repository.publish import Change, Published, apply
from omnibuild.repository.refusals import existing
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.choice import title_of
from omnibuild.repository.state.entries import Deb, Download, Rpm
from omnibuild.repository.state.head import Repository, State, history, read_release, record_of
from omnibuild.repository.state.ledger import Ledger
from omnibuild.signing.signer import Signer

E = TypeVar("E", Deb, Rpm, Download)

DEMOTE = "demote"


def demote(
    repository: Path | str,
    signer: Signer,
    channel: str = DEFAULT_CHANNEL,
    to: str = "",
    reason: str = "",
    emit: Emit = silent,
) -> Published:
    """Have a channel hold what it held in an earlier release: in a new one, that says so.

    Hosts that have what is withdrawn keep it; no other content is ever taken for it. What was
    yanked since then stays out.

    Args:
        repository: where was published to.
        signer: the repository's key.
        channel: the channel.
        to: the beginning of a release's digest; empty: the one before the last that added
            anything. Again, and the channel goes back further.
        reason: why; it is kept in the release.
        emit: takes warnings.

    Raises :class:`UsageError` or :class:`RepositoryError` before anything is published.
    """
    target = existing(repository)

    def go_back(state: State, signed: Signed) -> tuple[Repository, Change]:
        record = record_of(state.repository, signer, "")
        content = state.channel(known_channel(state, channel))
        check_clock(target, state.channels)
        origin = _named(state, channel, to) if to else _before(state, channel)
        then = Channel.of(target, read_release(target, origin).contents)
        return_ = _Return(content, then, frozenset(_taken_out(state, channel, origin)))
        return_.go(channel)
        for title in return_.withheld:
            emit(Warned(f"{title} was taken out since then, and stays out"))
        Draft(state, signer, channel, (), signed).spread_noarch()
        added, removed = tuple(dict.fromkeys(return_.back)), tuple(dict.fromkeys(return_.gone))
        return record, Change(added, removed, reason=reason, origin=origin)

    return apply(target, signer, channel, DEMOTE, go_back, emit)


def _before(state: State, channel: str) -> Digest:
    """Return the release before the last that added anything to the channel, as it is now."""
    digest = state.releases[channel]
    release = read_release(state.target, digest)
    if release.author.action == DEMOTE:
        _refuse_halfway(state, channel)
        digest = release.origin
    releases = [each for _, each in history(state.target, digest)]
    before = next((each.before for each in releases if each.added), "")
    if before and state.target.exists(layout.release(before)):
        return before
    raise UsageError(
        f"channel {channel} has no earlier release",
        hint=f"omnibuild repo log --channel {channel} tells which there are",
    )


def _refuse_halfway(state: State, channel: str) -> None:
    """Refuse to go back further while hosts have not been shown the last time: nobody saw it."""
    if state.head and not is_shown(state.target, state.head.sealed):
        raise UsageError(
            f"channel {channel} went back just now, and hosts had not been shown it: now they are",
            hint="say it again to go back further",
        )


def _taken_out(state: State, channel: str, since: Digest) -> Iterator[str]:
    """Yield what was taken out since a release, but by going back, as people call it."""
    for digest, release in history(state.target, state.releases[channel]):
        if digest == since:
            return
        if release.author.action != DEMOTE:
            yield from release.removed


def _named(state: State, channel: str, beginning: str) -> Digest:
    releases = [digest for digest, _ in history(state.target, state.releases[channel])]
    found = [digest for digest in releases if digest.startswith(beginning)]
    if len(found) == 1:
        return found[0]
    several = f"{len(found)} releases of channel {channel} begin with {beginning}"
    raise UsageError(
        several if found else f"channel {channel} has no release {beginning}",
        hint=f"omnibuild repo log --channel {channel} tells which there are",
    )


@dataclass
class _Return:
    """A channel on its way to what it was.

    Args:
        now: what it holds.
        then: what it held.
        out: what stays out, as people call it.
        back: what it holds again, as people call it.
        gone: what it holds no more.
        withheld: what it held, and stays out.
    """

    now: Channel
    then: Channel
    out: frozenset[str]
    back: list[str] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    withheld: dict[str, None] = field(default_factory=dict)

    def go(self, channel: str) -> None:
        """Have in it what was there then, and nothing else; what it was stays known."""
        target = self.now.target
        for name, suite in self.now.suites.items():
            then = self.then.suite(name)
            for architecture in {**suite.lists, **then.lists}:
                debs = suite.list(architecture)
                for deb in self._change(debs, then.list(architecture)):
                    check_there(target, deb_file(deb))
                    debs.put(deb)
        for name, tree in self.now.trees.items():
            before = self.then.tree(name)
            for architecture in {**tree.lists, **before.lists}:
                rpms = tree.list(architecture)
                directories = directories_of(channel, name, tree, architecture)
                for rpm in self._change(rpms, before.list(architecture)):
                    spread(target, rpm_files(rpm, directories), rpm_files(rpm, directories))
                    rpms.put(rpm)
        for item in self._change(self.now.downloads, self.then.downloads):
            check_download(target, item)
            self.now.downloads.put(item)

    def _change(self, now: Ledger[E], then: Ledger[E]) -> list[E]:
        """Take out of a list what was not in it; return what was."""
        missing = [each for each in _packages(then.unlike(now)) if now.get(each.key) is None]
        back = [entry for entry in missing if title_of(entry) not in self.out]
        self.withheld |= {title_of(entry): None for entry in missing if entry not in back}
        gone = [each for each in _packages(now.unlike(then)) if then.get(each.key) is None]
        for entry in gone:
            now.withdraw(entry)
            self.gone.append(title_of(entry))
        self.back += map(title_of, back)
        return back


def _packages(entries: Iterator[E]) -> Iterator[E]:
    """Yield all but keyrings: a channel never goes back to the keys of another time."""
    return (each for each in entries if not layout.is_keyring_package(each.name))
