"""Directories for a while: in memory where there is room, as disks take longer to be filled."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# A file system in memory, where there is one.
_MEMORY = Path("/dev/shm")  # noqa: S108 - directories there are of random names
# Seconds.
_OUTLIVED = 120
_HELD = "held"


@dataclass(frozen=True)
class Use:
    """What a directory is for.

    Args:
        prefix: how its name begins.
        room: bytes that must be free in memory.
        refused: flags of file systems, as statvfs has them, on which it cannot be.
    """

    prefix: str
    room: int
    refused: int = 0


# What an index says of large apps has a hundred million bytes.
OF_UV = Use("omnibuild-uv-", 1 << 30)
# A system with a compiler and its packages. dpkg waits for the disk for each of them.
OF_ROOT = Use("omnibuild-root-", 3 << 30, os.ST_NOEXEC)
# Who is root makes devices.
OF_ROOT_BY_ROOT = Use("omnibuild-root-", 3 << 30, os.ST_NOEXEC | os.ST_NODEV)


@contextmanager
def quick(
    use: Use, environment: Mapping[str, str] = os.environ, memory: Path = _MEMORY
) -> Iterator[Path]:
    """Yield an empty directory, in memory if there is room.

    Args:
        use: what it is for.
        environment: ``TMPDIR`` there goes before all else.
        memory: the directory of a file system in memory.
    """
    if environment.get("TMPDIR") or not _has_room(memory, use):
        with tempfile.TemporaryDirectory(prefix=use.prefix) as directory:
            yield Path(directory)
        return
    _remove_left(memory, use.prefix)
    with tempfile.TemporaryDirectory(prefix=use.prefix, dir=memory) as directory:
        made, held = Path(directory, "new"), Path(directory, _HELD)
        with made.open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            made.rename(held)
            yield Path(directory)


def _remove_left(memory: Path, prefix: str) -> None:
    """Remove what was left by who was killed: it would fill memory until the machine stops."""
    for held in memory.glob(f"{prefix}*/{_HELD}"):
        with contextlib.suppress(OSError), held.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # A program outlives who started it for a moment, and would make anew what is removed.
            if time.time() - held.stat().st_mtime > _OUTLIVED:
                shutil.rmtree(held.parent)


def _has_room(memory: Path, use: Use) -> bool:
    try:
        found = os.statvfs(memory)
    except OSError:
        return False
    if found.f_flag & use.refused or not os.access(memory, os.W_OK | os.X_OK):
        return False
    # What such a file system may hold says nothing of what memory is left.
    return min(found.f_bavail * found.f_frsize, _available()) >= use.room


def _available() -> int:
    """Return how many bytes of memory can be had without swapping."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0
