"""Damage as a disk does it: one bit is another, and no time tells."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path

# From <sys/inotify.h>.
IN_ACCESS, IN_NONBLOCK = 0x1, 0x800


def flip(path: Path, offset: int, bit: int = 0) -> None:
    """Turn one bit of a file over, in place, and leave its times as they were."""
    before = path.stat()
    path.chmod(0o600)
    with path.open("r+b") as stream:
        stream.seek(offset)
        (byte,) = stream.read(1)
        stream.seek(offset)
        stream.write(bytes([byte ^ 1 << bit]))
    path.chmod(before.st_mode & 0o7777)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@contextlib.contextmanager
def flipped(path: Path, offset: int, bit: int = 0) -> Iterator[None]:
    """Turn one bit over, and back after the block, whatever name the file has by then, or none."""
    with path.open("rb") as kept:
        flip(path, offset, bit)
        try:
            yield
        finally:
            flip(Path(f"/proc/self/fd/{kept.fileno()}"), offset, bit)


@contextlib.contextmanager
def reads(path: Path) -> Iterator[Callable[[], bool]]:
    """Yield what tells whether anybody has read a file during the block; times say less."""
    libc = ctypes.CDLL(None, use_errno=True)
    events = libc.inotify_init1(IN_NONBLOCK)
    assert events >= 0, os.strerror(ctypes.get_errno())
    try:
        watch = libc.inotify_add_watch(events, os.fsencode(path), IN_ACCESS)
        assert watch >= 0, os.strerror(ctypes.get_errno())

        def seen() -> bool:
            with contextlib.suppress(BlockingIOError):
                return bool(os.read(events, 1 << 16)[4] & IN_ACCESS)
            return False

        yield seen
    finally:
        os.close(events)
