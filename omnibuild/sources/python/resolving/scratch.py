"""Where uv keeps what an index said while one lock is made, a second or two."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

# A file system in memory, where there is one.
_MEMORY = Path("/dev/shm")  # noqa: S108 - directories there are of random names
# Bytes that must be free there; what an index says of large apps has a hundred million.
_ROOM = 1 << 30


@contextmanager
def of_uv(environment: Mapping[str, str] = os.environ, memory: Path = _MEMORY) -> Iterator[Path]:
    """Yield an empty directory, in memory if there is room: disks take longer than uv itself.

    Args:
        environment: ``TMPDIR`` there goes before all else.
        memory: the directory of a file system in memory.
    """
    place = None if environment.get("TMPDIR") or not _has_room(memory) else memory
    with tempfile.TemporaryDirectory(prefix="omnibuild-uv-", dir=place) as directory:
        yield Path(directory)


def _has_room(memory: Path) -> bool:
    try:
        found = os.statvfs(memory)
    except OSError:
        return False
    return os.access(memory, os.W_OK | os.X_OK) and found.f_bavail * found.f_frsize >= _ROOM
