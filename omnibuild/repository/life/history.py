"""Who published what, when, and from which build: the releases of channels."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnibuild.digests import Digest
from omnibuild.errors import UsageError
from omnibuild.repository.refusals import existing
from omnibuild.repository.state.head import Release, State, history, load


@dataclass(frozen=True)
class Logged:
    """A release of a channel.

    Args:
        digest: what the release is called.
        current: whether it is the present one.
    """

    digest: Digest
    release: Release
    current: bool


def log_of(repository: Path | str, channel: str = "") -> Iterator[Logged]:
    """Yield the releases of a channel, or of all, the newest first, as far as they are kept.

    Raises :class:`RepositoryError` for what is no repository, and :class:`UsageError` for an
    unknown channel.
    """
    state = read_state(repository)
    names = [known_channel(state, channel)] if channel else sorted(state.channels)
    return heapq.merge(*(_log(state, name) for name in names), key=lambda each: -_time(each))


def read_state(repository: Path | str) -> State:
    """Return what a repository holds; raises :class:`RepositoryError` for what is none."""
    return load(existing(repository))


def known_channel(state: State, channel: str) -> str:
    """Return the channel; raises :class:`UsageError` when there is none of that name."""
    if channel not in state.channels:
        raise UsageError(
            f"there is no channel {channel}",
            hint=f"channels: {', '.join(sorted(state.channels)) or 'none'}",
        )
    return channel


def _log(state: State, channel: str) -> Iterator[Logged]:
    current = state.releases[channel]
    for digest, release in history(state.target, current):
        yield Logged(digest, release, digest == current)


def _time(logged: Logged) -> int:
    return logged.release.author.time
