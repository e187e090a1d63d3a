"""Who uses the store now: what keeps collection from taking things away under a running command.

A running command holds a *lease*: a locked file in ``leases/`` whose time is the command's start.
Whatever it takes is marked with a time that is not before that start, and the garbage collector
removes nothing that was marked since the start of the oldest living lease. Marking is shared
among commands, and excludes only the moment in which the collector decides.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from omnibuild import files


class Leases:
    """The leases of the store at ``root``."""

    def __init__(self, root: Path) -> None:
        self._directory = root / "leases"
        self.collect_lock = root / "locks" / "collect"
        self._start = 0

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Hold a lease during the block; it vanishes with the process, however that ends."""
        with files.storage_errors(self._directory), self.marking():
            name, descriptor = files.locked_file(self._directory)
        try:
            start = time.time_ns()
            with files.storage_errors(self._directory):
                os.utime(descriptor, ns=(start, start))
            self._start = max(self._start, start)
            yield
        finally:
            with contextlib.suppress(OSError):
                os.unlink(name)
            os.close(descriptor)

    def mark(self, path: Path) -> bool:
        """Mark a file as used now; False when there is none. Call it while :meth:`marking`."""
        # A clock that was set back must not make the mark older than the lease.
        now = max(time.time_ns(), self._start)
        try:
            os.utime(path, ns=(now, now))
        except FileNotFoundError:
            return False
        return True

    def marking(self) -> contextlib.AbstractContextManager[None]:
        """Keep collectors from deciding during the block, which must be short."""
        return self._locked(fcntl.LOCK_SH)

    def deciding(self) -> contextlib.AbstractContextManager[None]:
        """Keep everybody from marking during the block, which must be short."""
        return self._locked(fcntl.LOCK_EX)

    def oldest_start(self) -> int | None:
        """Return when the oldest living command started, in nanoseconds; None without any.

        Leases of the dead are removed. Call it while :meth:`deciding`: then no lease is just
        being made.
        """
        files.remove_leftovers(self._directory)
        starts = []
        for lease in self._directory.iterdir():
            with contextlib.suppress(FileNotFoundError):
                starts.append(lease.stat().st_mtime_ns)
        return min(starts, default=None)

    @contextlib.contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        with files.storage_errors(self.collect_lock):
            descriptor = os.open(self.collect_lock, os.O_RDONLY | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, how)
                yield
            finally:
                os.close(descriptor)
