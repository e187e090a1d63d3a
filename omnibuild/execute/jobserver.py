"""One jobserver for all steps: never more processes than cores, whoever starts them.

Every running action holds one token. The tokens that are left are lent to steps, through a FIFO
each that speaks GNU make's protocol: a byte in it is a job that may be started, and comes back
when that job is done. A FIFO for each step, because a killed make returns nothing: what its step
had borrowed comes back when the step's FIFO is closed here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# How often lent tokens are looked at, in seconds.
INTERVAL = 0.02

TOKEN = b"+"

# The name of the FIFO in a step's build directory, and what its shell runs before the step. The
# descriptor must be a single digit for dash, and none that configure scripts use (5, 6, 7).
FIFO_NAME = "jobserver"
ATTACH = f"""\
exec 8<>/build/{FIFO_NAME}
MAKEFLAGS='-j --jobserver-auth=8,8'
export MAKEFLAGS
"""


@dataclass
class _Lane:
    """One step's FIFO: its open end, and how many tokens were lent through it."""

    descriptor: int
    lent: int = 0

    def offered(self) -> int:
        """Return how many of the lent tokens nobody has taken."""
        buffer = fcntl.ioctl(self.descriptor, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", buffer)[0])

    def lend(self) -> None:
        os.write(self.descriptor, TOKEN)
        self.lent += 1

    def take_back(self) -> bool:
        """Take one token back that is not in use; a step may have been quicker."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.descriptor, 1)
            # A step that returns more than it took cannot make tokens.
            self.lent = max(0, self.lent - 1)
            return True
        return False


class JobServer:
    """Shares ``cores`` tokens; a context manager, inside which tokens move between steps."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._holders = 0
        self._wanted = 0
        self._lanes: list[_Lane] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._move, name="jobserver", daemon=True)

    def __enter__(self) -> JobServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def acquire(self, wanted: int) -> int:
        """Take tokens for up to ``wanted`` actions that could start now; return how many.

        Those that are still lent to steps are claimed, and there when asked again.
        """
        with self._lock:
            self._reclaim(wanted - self._free())
            granted = max(0, min(wanted, self._free()))
            self._holders += granted
            self._wanted = wanted - granted
            return granted

    def release(self) -> None:
        """Give one action's token back."""
        with self._lock:
            self._holders -= 1

    @contextlib.contextmanager
    def serve(self, directory: Path) -> Iterator[None]:
        """Lend tokens through a new FIFO in ``directory`` during the block."""
        path = directory / FIFO_NAME
        os.mkfifo(path, 0o600)
        lane = _Lane(os.open(path, os.O_RDWR | os.O_NONBLOCK))
        with self._lock:
            self._lanes.append(lane)
        try:
            yield
        finally:
            with self._lock:
                self._lanes.remove(lane)
                os.close(lane.descriptor)
            # The step may have put something else there: it is gone with its directory.
            with contextlib.suppress(OSError):
                path.unlink()

    def _free(self) -> int:
        return self._cores - self._holders - sum(lane.lent for lane in self._lanes)

    def _reclaim(self, count: int) -> None:
        for lane in self._lanes:
            while count > 0 and lane.offered() and lane.take_back():
                count -= 1

    def _move(self) -> None:
        while not self._stop.wait(INTERVAL):
            with self._lock:
                self._reclaim(self._wanted - self._free())
                if self._wanted <= 0:
                    self._lend()

    def _lend(self) -> None:
        """Offer one token to every step that has taken all it was offered."""
        hungry = [lane for lane in self._lanes if not lane.offered()]
        missing = len(hungry) - self._free()
        idle = [lane for lane in self._lanes if lane.offered()]
        for lane in idle:
            # One that lies there untaken does more good elsewhere; it is offered again later.
            if missing > 0 and lane.take_back():
                missing -= 1
        for lane in sorted(hungry, key=lambda lane: lane.lent):
            if self._free() > 0:
                lane.lend()
