"""One action being done: what its function gets, and the processes it has started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from omnibuild.plan.graph import Action
from omnibuild.store.results import Output
from omnibuild.store.store import Store


class Processes:
    """The processes of all running actions, so that an interruption can end them."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()
        self.cancelled = False

    def wait(self, process: subprocess.Popen[bytes]) -> int:
        """Wait for a process to end and return its status; it can be killed meanwhile."""
        with self._lock:
            self._running.add(process)
            if self.cancelled:
                _kill(process)
        try:
            return process.wait()
        finally:
            with self._lock:
                self._running.discard(process)

    def cancel(self) -> None:
        """Kill everything that runs, and whatever is still started."""
        with self._lock:
            self.cancelled = True
            for process in self._running:
                _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@dataclass(frozen=True)
class Job:
    """What the function of a kind works with.

    Args:
        action: the action to do.
        inputs: role to output, all of them in the store.
        store: where inputs are and the output goes.
        scratch: a private directory on the store's file system, removed afterwards.
        log: the file that takes the action's log.
        cores: how many processes it may keep busy.
        processes: registers what it starts.
        progress: takes bytes done and bytes in total (0 when unknown).
    """

    action: Action
    inputs: Mapping[str, Output]
    store: Store
    scratch: Path
    log: Path
    cores: int
    processes: Processes
    progress: Callable[[int, int], None]

    def blob(self, role: str) -> Path:
        """Return the file of a blob input."""
        return self.store.blob(self.inputs[role].digest)

    def tree(self, role: str) -> Path:
        """Return the directory of a tree input."""
        return self.store.tree_directory(self.inputs[role].digest)

    def roles(self, prefix: str) -> dict[str, Output]:
        """Return the inputs whose role is ``prefix:NAME``, by that name, in order."""
        return {
            role.removeprefix(f"{prefix}:"): output
            for role, output in self.inputs.items()
            if role.startswith(f"{prefix}:")
        }


@dataclass(frozen=True)
class Kind:
    """A kind of action.

    Args:
        serial: part of every key; raise it when ``run`` produces other bytes than before.
        run: does the action and returns its output, which is in the store by then.
        network: whether it fetches; such actions come first, side by side.
    """

    serial: int
    run: Callable[[Job], Output]
    network: bool = False
