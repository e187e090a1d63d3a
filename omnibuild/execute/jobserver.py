"""One jobserver for all steps: never more processes than cores, whoever starts them.

Every running action holds one token. The tokens that are left are lent to steps, through a FIFO
each that speaks GNU make's protocol: a byte in it is a job that may be started, and comes back
when that job is done. A FIFO for each step, because a killed make returns nothing: what its step
had borrowed comes back when the step's FIFO is closed here.

What is more urgent comes first, be it a further job of a running step or an action that waits: so
the longest path gets the cores that it can use, and the rest fills the gaps.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import termios
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# How often lent tokens are looked at, in seconds.
INTERVAL = 0.02

# Looks after which a token that a more urgent step was offered and did not take goes to an action
# that waits: an action keeps it to its end, and make is often without work for a moment.
PATIENCE = 15

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
    """One step's FIFO.

    Args:
        descriptor: its open end.
        priority: of the step's action.
        lent: how many tokens were lent through it.
        idle: how many looks in a row one of them was not taken.
    """

    descriptor: int
    priority: float
    lent: int = 0
    idle: int = 0

    def offered(self) -> int:
        """Return how many of the lent tokens nobody has taken."""
        buffer = fcntl.ioctl(self.descriptor, termios.FIONREAD, bytes(4))
        return int(struct.unpack("i", buffer)[0])

    def is_hungry(self) -> bool:
        """Tell whether the step uses all that it was lent, and might use more."""
        return self.offered() == 0

    def lend(self) -> None:
        # A step that has filled the FIFO with bytes of its own gets none of ours.
        with contextlib.suppress(BlockingIOError):
            os.write(self.descriptor, TOKEN)
            self.lent += 1

    def take_back(self) -> bool:
        """Take one token back that is not in use; a step may have been quicker."""
        with contextlib.suppress(BlockingIOError):
            os.read(self.descriptor, 1)
            if self.lent > 0:
                self.lent -= 1
                return True
        # Nothing is there, or more than was lent: a step cannot make tokens.
        return False


class JobServer:
    """Shares ``cores`` tokens; a context manager, inside which tokens move between steps."""

    def __init__(self, cores: int) -> None:
        self._cores = cores
        self._holders = 0
        # Priority of the most urgent action that waits for a token.
        self._waiting: float | None = None
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

    def acquire(self, waiting: Sequence[float]) -> int:
        """Take tokens for actions that could start now; return for how many of the first.

        Args:
            waiting: the actions' priorities, the most urgent first.

        Tokens that are lent to steps are claimed, and there when asked again.
        """
        with self._lock:
            granted = 0
            while granted < len(waiting) and self._claim(waiting[granted]):
                self._holders += 1
                granted += 1
            self._waiting = waiting[granted] if granted < len(waiting) else None
            return granted

    def release(self) -> None:
        """Give one action's token back."""
        with self._lock:
            self._holders -= 1

    @contextlib.contextmanager
    def serve(self, directory: Path, priority: float = 0.0) -> Iterator[None]:
        """Lend tokens through a new FIFO in ``directory`` during the block."""
        path = directory / FIFO_NAME
        os.mkfifo(path, 0o600)
        lane = _Lane(os.open(path, os.O_RDWR | os.O_NONBLOCK), priority)
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

    def _claim(self, priority: float) -> bool:
        """Tell whether an action may have a token now; one is taken back for it if need be."""
        if self._free() > 0:
            return not any(lane.priority > priority for lane in self._lanes if lane.is_hungry())
        return any(
            lane.take_back()
            for lane in self._lanes
            if lane.offered() and (lane.priority < priority or lane.idle >= PATIENCE)
        )

    def _move(self) -> None:
        while not self._stop.wait(INTERVAL):
            with self._lock:
                for lane in self._lanes:
                    lane.idle = lane.idle + 1 if lane.offered() else 0
                self._lend()

    def _lend(self) -> None:
        """Offer one token to every step that has taken all it was offered, urgent ones first."""
        hungry = [
            lane
            for lane in self._lanes
            if lane.is_hungry() and (self._waiting is None or lane.priority > self._waiting)
        ]
        missing = len(hungry) - self._free()
        for lane in self._lanes:
            # One that lies there untaken does more good elsewhere; it is offered again later.
            if missing > 0 and lane.offered() and lane.take_back():
                missing -= 1
        for lane in sorted(hungry, key=lambda lane: -lane.priority):
            if self._free() > 0:
                lane.lend()
