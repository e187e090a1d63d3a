"""Times in which files are removed that nothing names, and nobody publishes.

Where a lock has publishers wait, that lock is enough. In a bucket they bring files without one, and
only the head decides: so it says that files are being removed, from before the first of them goes
until after the last. A publisher that had begun finds another head than he read, and begins again;
he counts on no file that he found before. Who finds the mark waits for the lease of who removes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import msgspec

from omnibuild.errors import RepositoryError, Where
from omnibuild.events import Emit
from omnibuild.repository import layout
from omnibuild.repository.state.head import Head, State, load, read_head
from omnibuild.repository.targets.target import Target


def load_to_change(target: Target, emit: Emit) -> State:
    """Read the present as one who is about to change it: who removes files is waited for."""
    while True:
        state = load(target)
        if state.head is None or not _is_odd(state.head):
            return state
        await_removals(target, emit)


def await_removals(target: Target, emit: Emit) -> None:
    """Wait for who removes files; a damaged head does not tell of any."""
    with contextlib.suppress(RepositoryError):
        while (data := target.read(layout.HEAD)) and _is_odd(read_head(target, data)):
            # Who set the mark holds this lock, until he is done or was killed.
            with target.locked(layout.SHOWING, emit):
                _end(target)


def removals(target: Target) -> int:
    """Return how often files began or ceased to be removed; it can be compared with itself."""
    return read_head(target, target.read(layout.HEAD)).removals or 0


@contextlib.contextmanager
def removing(target: Target) -> Iterator[State]:
    """Have nobody publish; yield the present, which stays so. The lock of who shows is held."""
    state = _begun(target)
    try:
        yield state
    finally:
        _end(target)


def _begun(target: Target) -> State:
    while True:
        state = load(target)
        if state.head is None:
            raise RepositoryError("this is no repository", where=Where(target.place()))
        # One that was killed left its mark.
        if _is_odd(state.head) or state.replace(_next(state.head)):
            return state


def _end(target: Target) -> None:
    state = load(target)
    if state.head and _is_odd(state.head):
        state.replace(_next(state.head))


def _next(head: Head) -> Head:
    return msgspec.structs.replace(head, removals=(head.removals or 0) + 1)


def _is_odd(head: Head) -> bool:
    return bool((head.removals or 0) % 2)
