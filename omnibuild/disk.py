"""Having a disk keep what was written, and give up what resists."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Final

# So many are flushed one by one; of more, their file system flushes all that it has.
_FEW: Final = 32


def sync_all(paths: Collection[Path]) -> None:
    """Flush files, and directories' own entries, to disk; raises ``OSError``."""
    if len(paths) <= _FEW:
        for path in paths:
            _flush(path, os.fsync)
    else:
        for path in {path.stat().st_dev: path for path in paths}.values():
            sync_filesystem(path)


def sync_filesystem(path: Path) -> None:
    """Flush all that was written to the file system of ``path``: one call for many files."""
    # Loaded by those who have many.
    import ctypes

    def flush(descriptor: int) -> None:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))

    _flush(path, flush)


def _flush(path: Path, flush: Callable[[int], None]) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        flush(descriptor)
    finally:
        os.close(descriptor)


def remove_stubborn(top: str) -> None:
    """Remove a directory tree of closed directories and of any depth.

    What lies in a directory's directories moves up to ``top``, so that no path grows.
    """
    moved = f"{top}/{os.urandom(8).hex()}"
    waiting, count = [top], 0
    while waiting:
        directory = waiting[-1]
        os.chmod(directory, 0o700)
        with os.scandir(directory) as items:
            found = list(items)
        below = []
        for item in found:
            if not item.is_dir(follow_symlinks=False):
                os.unlink(item.path)
            elif directory == top:
                below.append(item.path)
            else:
                # A directory that moves is written itself: its name for what is above changes.
                os.chmod(item.path, 0o700)
                os.rename(item.path, f"{moved}-{count}")
                below.append(f"{moved}-{count}")
                count += 1
        if not below or directory != top:
            os.rmdir(waiting.pop())
        waiting += below
