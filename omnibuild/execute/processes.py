"""The processes that actions start: ended together when the work is interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

from omnibuild.execute.memory import Held, held
from omnibuild.plan.graph import Limits

# How often a step is looked at while it runs, in seconds.
WATCH_INTERVAL = 0.25

# No build has so many processes at a time; a step that forks without end is ended.
PROCESSES_AT_MOST = 5000

# The kernel has so many for all users together, a hundred thousand for each GB of memory.
DESCRIPTORS_AT_MOST = 200_000


class Processes:
    """What all running actions have started, so that an interruption can end it."""

    def __init__(self) -> None:
        self._kills: dict[object, Callable[[], None]] = {}
        self._lock = threading.Lock()
        self.cancelled = False

    @contextlib.contextmanager
    def killable(self, kill: Callable[[], None]) -> Iterator[None]:
        """Let ``kill`` be called if the work is cancelled during the block, or was before."""
        key = object()
        with self._lock:
            self._kills[key] = kill
            if self.cancelled:
                kill()
        try:
            yield
        finally:
            with self._lock:
                del self._kills[key]

    def cancel(self) -> None:
        """Kill everything that runs, and whatever is still started."""
        with self._lock:
            self.cancelled = True
            for kill in self._kills.values():
                kill()


class Watch:
    """Looks at a process of somebody else's, and all below it, during a block.

    Args:
        pid: the process; 0: not known, then only the time is watched.
        limits: beyond them, ``kill`` is called, once.
        kill: ends it.
    """

    def __init__(self, pid: int, limits: Limits, kill: Callable[[], None]) -> None:
        self.memory = 0
        self.broken = ""
        self._pid, self._limits, self._kill = pid, limits, kill
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        limits = self._limits
        deadline = time.monotonic() + limits.seconds if limits.seconds else None
        while not self.broken and not self._ended.wait(WATCH_INTERVAL):
            found = held(self._pid) if self._pid else Held()
            self.memory = max(self.memory, found.memory)
            self.broken = _broken(found, deadline, limits)
            if self.broken:
                self._kill()


def _broken(found: Held, deadline: float | None, limits: Limits) -> str:
    if deadline is not None and time.monotonic() > deadline:
        return f"it took longer than {limits.seconds:g} s"
    if limits.memory and found.memory > limits.memory:
        return memory_broken(limits)
    if found.processes > PROCESSES_AT_MOST:
        return f"it had more than {PROCESSES_AT_MOST} processes at a time"
    if found.descriptors > DESCRIPTORS_AT_MOST:
        return f"its processes had more than {DESCRIPTORS_AT_MOST} files open at a time"
    return ""


def memory_broken(limits: Limits) -> str:
    """Say that a step needed more memory than it may have."""
    return f"its processes used more than {limits.memory / 1e9:g} GB of memory"


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process that leads a group, and the group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
