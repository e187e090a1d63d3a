"""Finding and clearing away what the kernel keeps for a host: processes and control groups."""

from __future__ import annotations

import contextlib
from pathlib import Path

from tests.acceptance.hosts.outcome import eventually

CGROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"))


def find_leader(supervisor: int) -> int | None:
    """Return the process below ``supervisor`` that is number 1 of a host's own namespace."""
    pending = children(supervisor)
    while pending:
        pid = pending.pop()
        numbers = namespace_pids(pid)
        # Numbered here, in the supervisor's namespace, and in the host's.
        if len(numbers) == 3 and numbers[-1] == 1:
            return pid
        pending += children(pid)
    return None


def is_alive(pid: int) -> bool:
    """Tell whether a process still exists."""
    return Path(f"/proc/{pid}").exists()


def children(pid: int) -> list[int]:
    """Return the processes that ``pid`` has started; none when it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def namespace_pids(pid: int) -> list[int]:
    """Return a process's number in each process namespace from ours inwards."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return [int(word) for word in line.split()[1:]]
    return []


def remove_cgroups(name: str) -> None:
    """Remove the control groups of a host that has ended."""
    for top in (hierarchy / name for hierarchy in CGROUPS):

        def removed(top: Path = top) -> bool:
            # The kernel frees a killed process's group a little later.
            try:
                for group in [*sorted(top.rglob("*/"), reverse=True), top]:
                    if group.is_dir():
                        group.rmdir()
            except FileNotFoundError:
                return True
            except OSError:
                return False
            return True

        eventually(removed, f"control group {top} is empty")
