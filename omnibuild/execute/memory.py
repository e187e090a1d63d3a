"""How much memory a process and all below it hold, and what else, told from outside.

What counts is what somebody has to have memory for: pages of the processes' own, and pages that
belong to no file on a disk, be they mapped by many, in a file system in memory, or in a file
without a name (memfd). Pages of files on disks do not count: the kernel takes them back.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

# Where a process's status tells it, in kB.
OWN, SHARED = "RssAnon:", "RssShmem:"

MEMORY_FILE = "/memfd:"


@dataclass(frozen=True)
class Held:
    """What a process and its descendants hold together.

    Args:
        memory: bytes.
        processes: how many they are.
        descriptors: open files, those of each process counted.
    """

    memory: int = 0
    processes: int = 0
    descriptors: int = 0


def held(top: int) -> Held:
    """Return what a process and its descendants hold.

    What several map is counted once, as near as it can be told: it is the larger of all that they
    map and of all that lies in files, since most of it is both.
    """
    everybody = list(_family(top))
    own, mapped = 0, 0
    files = _FilesInMemory()
    for pid in everybody:
        # It may end at any moment, and then holds nothing.
        with contextlib.suppress(OSError, ValueError):
            status = _status(pid)
            own += status[OWN]
            if status[SHARED]:
                mapped += _share(pid)
            files.look_at(pid)
    return Held(own + max(mapped, files.size()), len(everybody), files.descriptors)


class _FilesInMemory:
    """The file systems in memory, and files without a name, that were found with processes."""

    def __init__(self) -> None:
        self._ours = _memory_mounts("self").keys()
        self._namespaces: set[str] = set()
        self._systems: dict[str, int] = {}
        self._files: dict[int, int] = {}
        self.descriptors = 0

    def look_at(self, pid: int) -> None:
        """Add what a process sees and this one does not, and what it has open."""
        namespace = os.readlink(f"/proc/{pid}/ns/mnt")
        if namespace not in self._namespaces:
            self._namespaces.add(namespace)
            for device, place in _memory_mounts(str(pid)).items():
                if device not in self._ours:
                    found = os.statvfs(f"/proc/{pid}/root{place}")
                    self._systems[device] = (found.f_blocks - found.f_bfree) * found.f_frsize
        names = os.listdir(f"/proc/{pid}/fd")
        self.descriptors += len(names)
        for name in names:
            path = f"/proc/{pid}/fd/{name}"
            with contextlib.suppress(OSError):
                if os.readlink(path).startswith(MEMORY_FILE):
                    status = os.stat(path)
                    self._files[status.st_ino] = status.st_blocks * 512

    def size(self) -> int:
        """Return the bytes in all of them."""
        return sum(self._systems.values()) + sum(self._files.values())


def _memory_mounts(pid: str) -> dict[str, str]:
    """Return the file systems in memory that a process sees: device to mount point."""
    mounts = {}
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as lines:
        for line in lines:
            words, _, kind = line.partition(" - ")
            if kind.startswith("tmpfs "):
                _, _, device, _, place = words.split(" ")[:5]
                mounts[device] = place
    return mounts


def _status(pid: int) -> Mapping[str, int]:
    found = dict.fromkeys((OWN, SHARED), 0)
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if line.startswith((OWN, SHARED)):
                name, number, _ = line.split()
                found[name] = int(number) * 1024
    return found


def _share(pid: int) -> int:
    """Return a process's share of the pages that it maps with others and that no disk holds."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as lines:
        for line in lines:
            if line.startswith("Pss_Shmem:"):
                return int(line.split()[1]) * 1024
    return 0


def _family(top: int) -> Iterator[int]:
    children = _children()
    waiting = [top]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, ())


def _children() -> Mapping[int, list[int]]:
    found: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with (
                contextlib.suppress(OSError, IndexError, ValueError),
                open(f"/proc/{name}/stat") as stat,
            ):
                parent = int(stat.read().rpartition(")")[2].split()[1])
                found.setdefault(parent, []).append(int(name))
    return found
