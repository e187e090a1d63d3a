"""Where uv keeps what an index said while one lock is made, a second or two."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# A file system in memory, where there is one.
_MEMORY = Path("/dev/shm")  # noqa: S108 - directories there are of random names
# Bytes that must be free there; what an index says of large apps has a hundred million.
_ROOM = 1 << 30
# Seconds.
_OUTLIVED = 120
_PREFIX, _HELD = "omnibuild-uv-", "held"


@contextmanager
def of_uv(environment: Mapping[str, str] = os.environ, memory: Path = _MEMORY) -> Iterator[Path]:
    """Yield an empty directory, in memory if there is room: disks take longer than uv itself.

    Args:
        environment: ``TMPDIR`` there goes before all else.
        memory: the directory of a file system in memory.
    """
    if environment.get("TMPDIR") or not _has_room(memory):
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as directory:
            yield Path(directory)
        return
    _remove_left(memory)
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=memory) as directory:
        made, held = Path(directory, "new"), Path(directory, _HELD)
        with made.open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            made.rename(held)
            yield Path(directory)


def _remove_left(memory: Path) -> None:
    """Remove what was left by who was killed: it would fill memory until the machine stops."""
    for held in memory.glob(f"{_PREFIX}*/{_HELD}"):
        with contextlib.suppress(OSError), held.open("rb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # uv outlives who started it for a moment, and would make anew what is removed.
            if time.time() - held.stat().st_mtime > _OUTLIVED:
                shutil.rmtree(held.parent)


def _has_room(memory: Path) -> bool:
    try:
        found = os.statvfs(memory)
    except OSError:
        return False
    return os.access(memory, os.W_OK | os.X_OK) and found.f_bavail * found.f_frsize >= _ROOM
