"""Who may show a repository in a bucket to its readers: its desk names one publisher."""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from omnibuild.errors import RepositoryError, Where
from omnibuild.events import Emit, Warned
from omnibuild.repository import layout
from omnibuild.repository.targets.desk import Desk, Kept, Sheet
from omnibuild.transfer.objects import TransferError

# A holder that does not renew its lease for so long is dead; it renews far more often.
LEASE_SECONDS: Final = 60.0
_RENEWED: Final = 15.0
# Who could not renew it for so long removes nothing more: others may have taken it soon.
_SURE: Final = 40.0
# How often who waits asks, in seconds.
_ASKED: Final = 0.5


@dataclass
class Lease:
    """Who may show the repository to readers.

    Args:
        held: whether that is who asks.
    """

    desk: Desk
    held: bool = False
    _token: str = field(default_factory=lambda: secrets.token_hex(16))
    # Who holds it, and since when this machine has not seen it renewed.
    _seen: tuple[str, int] = ("", 0)
    _since: float = 0.0
    # When it was renewed last.
    _beat: float = 0.0

    def is_others(self, sheet: Sheet) -> bool:
        """Tell whether somebody else holds it."""
        return sheet.holder not in ("", self._token)

    def taken(self, sheet: Sheet) -> Sheet:
        """Return a desk on which the lease is taken, if it is free."""
        return sheet if sheet.holder else self._beaten(sheet)

    def take(self) -> bool:
        """Take the lease if it is free, or its holder has not renewed it for too long."""
        if self.desk.sheet.holder == self._token:
            # It came with what was published.
            self.held = True
            return True
        sheet = self.desk.sheet if self.desk.fresh else self.desk.refresh()
        self.desk.fresh = False
        if (sheet.holder, sheet.beat) != self._seen:
            self._seen, self._since = (sheet.holder, sheet.beat), time.monotonic()
        if sheet.holder and time.monotonic() - self._since < LEASE_SECONDS:
            return False
        self.held = self.desk.write(self._edit)
        return self.held

    def _edit(self, sheet: Sheet) -> Sheet | None:
        if sheet.holder and (sheet.holder, sheet.beat) != self._seen:
            return None
        if sheet.holder:
            # What its holder had written is not known: whoever comes next looks all through.
            unsure = (layout.CATALOGUED, layout.LISTED, layout.SEEN)
            files = {p: kept for p, kept in sheet.files.items() if p not in unsure}
            sheet = msgspec.structs.replace(sheet, files={**files, layout.SHOWN: Kept(0, b"")})
        return self._beaten(sheet)

    def check(self) -> None:
        """Raise :class:`TransferError` when it is held, and somebody else may have it by now."""
        if self.held and time.monotonic() - self._beat > _SURE:
            raise TransferError("the lease was not renewed in time: others go on without this one")

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease until the block ends."""
        over = threading.Event()
        self._beat = time.monotonic()

        def renew() -> None:
            while not over.wait(_RENEWED):
                began = time.monotonic()
                with contextlib.suppress(TransferError):
                    if self.desk.write_only(self._renewed):
                        self._beat = began

        thread = threading.Thread(target=renew, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def give_back(self) -> None:
        """Let others have it, with all that was written meanwhile.

        Raises :class:`RepositoryError` when others have it already.
        """
        self.held = False
        wanted = self.desk.changes.get(layout.SHOWN)
        if not self.desk.write(self._released):
            self.desk.changes.clear()
            shown = self.desk.sheet.files.get(layout.SHOWN)
            if not self.desk.sheet.holder and wanted and wanted == shown:
                # It was written, and the answer was lost.
                return
            raise RepositoryError(
                "somebody else has shown the repository meanwhile, as this publisher was not heard"
                " of for a minute",
                where=Where(self.desk.objects.place),
                hint="publish again: that looks through what hosts see",
            )

    def _released(self, sheet: Sheet) -> Sheet | None:
        mine = sheet.holder == self._token
        return msgspec.structs.replace(sheet, holder="") if mine else None

    def _renewed(self, sheet: Sheet) -> Sheet | None:
        return self._beaten(sheet) if sheet.holder == self._token else None

    def _beaten(self, sheet: Sheet) -> Sheet:
        return msgspec.structs.replace(sheet, holder=self._token, beat=time.time_ns())


@dataclass
class Turns:
    """The turns that a publisher takes: in one, what is for the desk is written at its end."""

    lease: Lease
    _depth: int = 0

    @contextlib.contextmanager
    def taken(self, lock: str, emit: Emit) -> Iterator[None]:
        """Take one's turn: to publish, which nobody waits for, or to show, which one does."""
        self._depth += 1
        try:
            with contextlib.nullcontext() if lock == layout.LOCK else self._showing(emit):
                yield
        finally:
            self._depth -= 1
        self.settle()

    def settle(self) -> None:
        """Write what is to be written on the desk, unless more of it comes in this turn."""
        desk = self.lease.desk
        if self._depth == 0 and desk.changes:
            desk.write(lambda sheet: sheet)

    @contextlib.contextmanager
    def _showing(self, emit: Emit) -> Iterator[None]:
        if not self.lease.take():
            place = self.lease.desk.objects.place
            emit(Warned(f"another publisher holds {place}; waiting for it"))
            while not self.lease.take():
                time.sleep(_ASKED)
        try:
            with self.lease.kept():
                yield
        finally:
            self.lease.give_back()
