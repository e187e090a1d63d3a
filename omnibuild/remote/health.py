"""Whether a remote cache can still be used in this run, and which of its objects cannot."""

from __future__ import annotations

import threading

from omnibuild.events import Emit, Warned
from omnibuild.transfer.objects import RefusedError, TransferError


class Health:
    """Remembers failures, and tells each one once; any number of threads may share it.

    Args:
        place: what to call the remote cache.
        writable: whether it shall be written.
        emit: takes the warnings.

    Attributes:
        failed: the store itself failed and is not asked again.
        writable: it may be written, and so far could.
    """

    def __init__(self, place: str, *, writable: bool, emit: Emit) -> None:
        self._place = place
        self._emit = emit
        self._guard = threading.Lock()
        self.failed = False
        self.writable = writable
        self._promised: set[str] = set()
        self._bad: set[str] = set()

    def promise(self, name: str) -> None:
        """Take note that a record says this object is there."""
        self._promised.add(name)

    def is_bad(self, name: str) -> bool:
        """Tell whether an object was found bad, so that it should be replaced."""
        return name in self._bad

    def missing(self, name: str) -> None:
        """Take note that an object is missing; a warning if it was promised."""
        if name in self._promised:
            self.distrust(name, "there is no such object")

    def distrust(self, name: str, reason: object) -> None:
        """Take an object for missing, and let a builder that may write replace it."""
        self._bad.add(name)
        self._warn(f"{self._place} has no good {name}, which counts as missing: {reason}")

    def not_sent(self, reason: object) -> None:
        """Say that something here could not go there."""
        self._warn(f"{self._place} does not get an object: {reason}")

    def give_up(self, error: TransferError, *, writing: bool = False) -> None:
        """Use it no more, or only write no more where just that is refused; say so once."""
        only_writing = writing and isinstance(error, RefusedError)
        with self._guard:
            told = self.failed or (only_writing and not self.writable)
            self.writable = False
            self.failed = self.failed or not only_writing
        if not told:
            use = "written" if only_writing else "used"
            self._warn(f"{self._place} is not {use} any more in this run: {error}")

    def _warn(self, message: str) -> None:
        self._emit(Warned(f"the remote cache {message}"))
