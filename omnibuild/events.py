"""What happens while omnibuild works, as a closed set of events.

The engine calls one ``emit``; the console, JSON output and reports only render what they get.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

_UNITS = ("B", "kB", "MB", "GB")


class PlanReady(Struct, frozen=True):
    """The plan is known: ``actions`` names in the order they were planned."""

    actions: tuple[str, ...]


class ActionStarted(Struct, frozen=True):
    """An action begins to run (it was not in the store)."""

    action: str
    kind: str


class ActionProgress(Struct, frozen=True):
    """An action is at ``done`` of ``total`` bytes; ``total`` 0 means unknown."""

    action: str
    done: int
    total: int


class ActionFinished(Struct, frozen=True):
    """An action has its result; ``cached`` when the store already held it."""

    action: str
    kind: str
    cached: bool
    seconds: float


class ActionFailed(Struct, frozen=True):
    """An action failed; ``log`` is the path of its log, when it has one."""

    action: str
    kind: str
    code: str
    message: str
    log: str


class ArtifactReady(Struct, frozen=True):
    """A file for users is complete at ``path``."""

    path: str
    size: int
    digest: str


class ArtifactAdded(Struct, frozen=True):
    """The file at ``path`` was read, and is in a repository from now on."""

    path: str
    size: int
    digest: str


class ReadersShown(Struct, frozen=True):
    """A repository's readers find other files than before at these paths; ``url`` is its address.

    Only what changes under its name is among them, so that caches may have it from before.
    """

    url: str
    paths: tuple[str, ...]


class Warned(Struct, frozen=True):
    """Something is not as it should be, and work goes on."""

    message: str


class Audited(Struct, frozen=True):
    """Audits are done: all that they found as plain JSON values, and what people are told of it.

    Each line begins with the level of the findings that it is about.
    """

    report: Mapping[str, Any]
    lines: tuple[str, ...]


class Finished(Struct, frozen=True):
    """The command is done: counts of actions and seconds of wall time."""

    ran: int
    cached: int
    seconds: float


Event = (
    PlanReady
    | ActionStarted
    | ActionProgress
    | ActionFinished
    | ActionFailed
    | ArtifactReady
    | ArtifactAdded
    | ReadersShown
    | Warned
    | Audited
    | Finished
)

Emit = Callable[[Event], None]


@contextmanager
def work(emit: Emit, action: str, kind: str) -> Iterator[None]:
    """Tell of work that is no action of a plan, and takes time, while the block does it."""
    started = time.monotonic()
    emit(ActionStarted(action, kind))
    yield
    emit(ActionFinished(action, kind, False, time.monotonic() - started))


def silent(event: Event) -> None:
    """Drop the event: for callers that want none."""


def human_size(size: int) -> str:
    """Return bytes in the unit that reads best.

    >>> human_size(999), human_size(1500), human_size(999_960), human_size(46_300_000)
    ('999 B', '1.5 kB', '1.0 MB', '46.3 MB')
    """
    amount, unit = float(size), 0
    # 999.95 is the first that one decimal would round to 1000.0.
    while amount >= 999.95 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{amount:.1f} {_UNITS[unit]}" if unit else f"{size} {_UNITS[0]}"
