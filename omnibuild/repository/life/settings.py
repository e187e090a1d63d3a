"""What is true of all channels: for how long hosts take and find what they are shown, Contents.

An old state that somebody shows them again is refused once it has ended. So is the present one,
unless it is signed again in time: that is a job for cron.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from omnibuild.errors import RepositoryError, UsageError, Where
from omnibuild.events import Emit, Warned, silent
from omnibuild.repository import layout
from omnibuild.repository.apt.release import release_date, signed_text, valid_until
from omnibuild.repository.indexes import DAY, check_clock, renew, show
from omnibuild.repository.refusals import existing
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.head import Repository, State, record_of
from omnibuild.repository.state.removals import load_to_change
from omnibuild.repository.targets.target import KEPT_SECONDS, Target
from omnibuild.signing.signer import Signer

MOST_DAYS = 3650
MOST_SECONDS = 366 * 24 * 3600
# With less than this part of the time left, somebody should have signed again.
LAST_PART = 4


@dataclass(frozen=True)
class Resigned:
    """What was signed again.

    Args:
        suites: of all channels.
        days: for how many days hosts take it; 0: for ever.
    """

    suites: tuple[str, ...]
    days: int


@dataclass(frozen=True)
class Validity:
    """From when until when hosts take a suite, in seconds since 1970.

    Args:
        path: of its InRelease.
    """

    suite: str
    path: str
    since: int
    until: int

    def is_over(self, now: float) -> bool:
        """Tell whether hosts refuse it."""
        return self.until < now

    def is_near(self, now: float) -> bool:
        """Tell whether it ends soon, for what it was."""
        return self.until - now < (self.until - self.since) / LAST_PART


def resign(
    repository: Path | str, signer: Signer, days: int | None = None, emit: Emit = silent
) -> Resigned:
    """Have all suites dated and signed anew; no package and no index changes.

    Args:
        repository: where was published to.
        signer: the repository's key.
        days: for so many days hosts take what is signed, now and by each later publishing; 0: for
            ever. Without it, what was said before holds.
        emit: takes warnings: of what hosts refused until now.

    Raises :class:`UsageError`, :class:`SigningKeyError`, or :class:`RepositoryError` when the clock
    is far behind, before anything is changed.
    """
    if days is not None and not 0 <= days <= MOST_DAYS:
        raise UsageError(
            f"nothing can be valid for {days} days",
            hint=f"name 1 to {MOST_DAYS} days, or 0 to have no end",
        )
    target = existing(repository)

    def change(record: Repository) -> Repository:
        return msgspec.structs.replace(record, valid_days=days) if days is not None else record

    state = change_record(target, signer, change, emit)
    for each in validities(target, state.channels):
        if each.is_over(time.time()):
            emit(
                Warned(
                    f"hosts have refused {each.suite} since {said(each.until)}: it was not signed"
                    " again in time, or this machine's clock is ahead"
                )
            )
    show(target, signer, (), emit)
    kept = state.repository.valid_days if state.repository else 0
    return Resigned(renew(target, signer, emit), kept if days is None else days)


def validities(target: Target, channels: Mapping[str, Channel]) -> Iterator[Validity]:
    """Yield what is said of each suite that has an end."""
    for content in channels.values():
        for suite in content.suites:
            path = f"{layout.suite_directory(suite)}/InRelease"
            release = signed_text(target.read(path))
            if until := valid_until(release):
                yield Validity(suite, path, release_date(release), until)


def said(seconds: float) -> str:
    """Return a time as people read it.

    >>> said(1_700_000_000)
    '2023-11-14 22:13 UTC'
    """
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))


def until(done: Resigned) -> str:
    """Return until when hosts take what was signed again just now."""
    return said(time.time() + done.days * DAY)


def set_contents(
    repository: Path | str, signer: Signer, *, wanted: bool, emit: Emit = silent
) -> None:
    """Have all suites tell which files are in packages, for apt-file, or no more.

    Raises :class:`SigningKeyError` or :class:`RepositoryError` before anything is changed.
    """
    target = existing(repository)

    def change(record: Repository) -> Repository:
        return msgspec.structs.replace(record, contents=wanted)

    change_record(target, signer, change, emit)
    show(target, signer, (), emit)


def keep_indexes(
    repository: Path | str, signer: Signer, seconds: float, emit: Emit = silent
) -> None:
    """Have readers of an older state find its indexes for so long, from now on.

    Args:
        repository: where was published to.
        signer: the repository's key.
        seconds: an hour at least.
        emit: takes a warning while somebody else is publishing.

    Raises :class:`UsageError`, :class:`SigningKeyError` or :class:`RepositoryError` before anything
    is changed.
    """
    if not KEPT_SECONDS <= seconds <= MOST_SECONDS:
        raise UsageError(
            "indexes of older states are kept for an hour at least, and a year at most",
            hint="slow mirrors take some hours: --keep-indexes 12h",
        )
    target = existing(repository)

    def change(record: Repository) -> Repository:
        return msgspec.structs.replace(record, kept_seconds=int(seconds))

    change_record(target, signer, change, emit)
    show(target, signer, (), emit)


def change_record(
    target: Target, signer: Signer, change: Callable[[Repository], Repository], emit: Emit
) -> State:
    """Change what is true of all channels; return the repository as it was before.

    Raises :class:`SigningKeyError`, or :class:`RepositoryError` when the clock is far behind.
    """
    while True:
        with target.locked(layout.LOCK, emit):
            state = load_to_change(target, emit)
            if state.repository is None:
                raise RepositoryError("this is no repository", where=Where(target.place()))
            # Refuses another's key.
            record_of(state.repository, signer, "")
            check_clock(target, state.channels)
            if state.commit(change(state.repository), {}):
                return state
