"""Who started a container: so that what a crash left behind is told from what is in use."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

# Of /proc/PID/stat, counted from the state, which comes after the program's name.
START_TIME_FIELD = 19


@dataclass(frozen=True)
class Owner:
    """A process, for ever: numbers are used again, but never with the same start on one boot.

    Args:
        boot: the kernel's random identity since it started.
        space: the namespace that the number counts in.
        pid: the process's number.
        started: when it started, in the kernel's ticks.
    """

    boot: str
    space: str
    pid: int
    started: str

    def __str__(self) -> str:
        return f"{self.boot} {self.space} {self.pid} {self.started}"

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """Read what ``str`` wrote; none: it is something else."""
        match text.split(" "):
            case [boot, space, pid, started] if pid.isdigit():
                return cls(boot, space, int(pid), started)
        return None

    def is_gone(self) -> bool | None:
        """Tell whether the process has ended; none: it cannot be told from here."""
        here = this_process()
        if self.boot != here.boot:
            return True
        if self.space != here.space:
            return None
        return _started(self.pid) != self.started


def this_process() -> Owner:
    """Return the running process."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return Owner(boot, os.readlink("/proc/self/ns/pid"), os.getpid(), _started(os.getpid()))


def _started(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    words = text.rpartition(")")[2].split()
    # A zombie has ended, only its parent does not know yet.
    return "" if words[0] == "Z" else words[START_TIME_FIELD]
