"""A real file system that fails when it is told to: FUSE over a directory, in a process of its own.

``python failing_disk.py BACKING MOUNT CONTROL``; the control file is shared memory of four
numbers: which change of the disk fails, with which errno, whether all after it fail, too, and how
many changes there were.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import mmap
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mfusepy

CONTROL = struct.Struct("=4q")
STATUS_FIELDS = ("st_ino", "st_mode", "st_nlink", "st_uid", "st_gid", "st_size", "st_blocks")
SPACE_FIELDS = ("f_bsize", "f_frsize", "f_blocks", "f_bfree", "f_bavail", "f_files", "f_ffree")
TIME_FIELDS = ("st_atime", "st_mtime", "st_ctime")


class Disk:
    """The test's side: where the file system is, and what it does."""

    def __init__(self, mount: Path, control: mmap.mmap) -> None:
        self.mount = mount
        self._control = control

    def fail(self, at: int, number: int = errno.EIO, *, forever: bool = False) -> None:
        """Let the change with that number, from now and from 1, fail; 0: none."""
        self._control[:] = CONTROL.pack(at, number, forever, 0)

    @property
    def changes(self) -> int:
        """How many changes there were since :meth:`fail`."""
        count: int = CONTROL.unpack(self._control[:])[3]
        return count


@contextlib.contextmanager
def failing_disk(base: Path) -> Iterator[Disk]:
    """Mount a healthy disk at ``base/disk`` that can be told to fail."""
    mount, backing, shared = base / "disk", base / "backing", base / "control"
    for directory in (mount, backing):
        directory.mkdir(parents=True)
    shared.write_bytes(CONTROL.pack(0, 0, 0, 0))
    words = [sys.executable, "-W", "error", __file__, backing, mount, shared]
    with (
        shared.open("r+b") as stream,
        mmap.mmap(stream.fileno(), CONTROL.size) as control,
        # The end of its input ends it, also when this process is killed.
        subprocess.Popen([*map(str, words)], stdin=subprocess.PIPE) as server,
    ):
        try:
            while not mount.is_mount():
                assert server.poll() is None, "the file system cannot be mounted"
                time.sleep(0.01)
            yield Disk(mount, control)
        finally:
            left = [name for name in _open_files() if name.startswith(f"{mount}/")]
            subprocess.run(["fusermount3", "-u", "-z", mount], check=True)
            assert not left, "files were left open"
            # Another process may have taken the mount into a namespace of its own, and keep it.
            assert server.stdin
            server.stdin.close()
            server.wait(timeout=30)


def _open_files() -> Iterator[str]:
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"/proc/self/fd/{descriptor}")


def change(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let an operation that changes the disk be counted, and fail when it is its turn."""

    @functools.wraps(function)
    def counted(self: FailingDisk, *arguments: Any) -> Any:
        at, number, forever, count = CONTROL.unpack(self.control[:])
        count += 1
        self.control[:] = CONTROL.pack(at, number, forever, count)
        if at and (count == at or (forever and count > at)):
            raise mfusepy.FuseOSError(number)
        return function(self, *arguments) or 0

    return counted


class FailingDisk(mfusepy.Operations):
    """The file system's side: everything goes to the backing directory."""

    use_ns = True

    def __init__(self, backing: str, control: mmap.mmap) -> None:
        self._backing = backing
        self.control = control

    def _at(self, path: str) -> str:
        return self._backing + path

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        return _status(os.lstat(self._at(path)) if fh is None else os.fstat(fh))

    def readdir(self, path: str, fh: int) -> list[tuple[str, dict[str, Any], int]]:
        # With their numbers: readers skip an entry whose inode is 0.
        with os.scandir(self._at(path)) as entries:
            return [(e.name, _status(e.stat(follow_symlinks=False)), 0) for e in entries]

    def readlink(self, path: str) -> str:
        return os.readlink(self._at(path))

    def open(self, path: str, flags: int) -> int:
        return os.open(self._at(path), flags)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return os.pread(fh, size, offset)

    def release(self, path: str, fh: int) -> int:
        os.close(fh)
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        found = os.statvfs(self._at(path))
        return {name: getattr(found, name) for name in SPACE_FIELDS}

    def listxattr(self, path: str) -> list[str]:
        return os.listxattr(self._at(path), follow_symlinks=False)

    def getxattr(self, path: str, name: str, position: int = 0) -> bytes:
        return os.getxattr(self._at(path), name, follow_symlinks=False)

    @change
    def setxattr(self, path: str, name: str, value: bytes, options: int, position: int = 0) -> None:
        os.setxattr(self._at(path), name, value, options, follow_symlinks=False)

    @change
    def removexattr(self, path: str, name: str) -> None:
        os.removexattr(self._at(path), name, follow_symlinks=False)

    @change
    def create(self, path: str, mode: int, flags: int) -> int:
        return os.open(self._at(path), flags | os.O_CREAT, mode)

    @change
    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        return os.pwrite(fh, data, offset)

    @change
    def truncate(self, path: str, size: int, fh: int | None = None) -> None:
        os.truncate(self._at(path) if fh is None else fh, size)

    @change
    def fsync(self, path: str, data_only: int, fh: int) -> None:
        """What the test's machine loses is not the subject."""

    @change
    def fsyncdir(self, path: str, data_only: int, fh: int) -> None:
        """The same."""

    @change
    def mkdir(self, path: str, mode: int) -> None:
        os.mkdir(self._at(path), mode)

    @change
    def mknod(self, path: str, mode: int, device: int) -> None:
        os.mknod(self._at(path), mode, device)

    @change
    def rename(self, old: str, new: str) -> None:
        os.rename(self._at(old), self._at(new))

    @change
    def link(self, new: str, old: str) -> None:
        os.link(self._at(old), self._at(new))

    @change
    def symlink(self, new: str, says: str) -> None:
        os.symlink(says, self._at(new))

    @change
    def unlink(self, path: str) -> None:
        os.unlink(self._at(path))

    @change
    def rmdir(self, path: str) -> None:
        os.rmdir(self._at(path))

    @change
    def chmod(self, path: str, mode: int) -> None:
        os.chmod(self._at(path), mode)

    @change
    def chown(self, path: str, uid: int, gid: int) -> None:
        os.chown(self._at(path), uid, gid, follow_symlinks=False)

    @change
    def utimens(self, path: str, times: tuple[int, int]) -> None:
        os.utime(self._at(path), ns=times, follow_symlinks=False)


def _status(status: os.stat_result) -> dict[str, Any]:
    fields = {name: getattr(status, name) for name in STATUS_FIELDS}
    return fields | {name: getattr(status, f"{name}_ns") for name in TIME_FIELDS}


def end_with_input() -> None:
    os.read(sys.stdin.fileno(), 1)
    os.kill(os.getpid(), signal.SIGTERM)


def serve(backing: str, mount: str, shared: str) -> None:
    """Be the file system until it is unmounted."""
    with open(shared, "r+b") as stream:
        control = mmap.mmap(stream.fileno(), CONTROL.size)
    threading.Thread(target=end_with_input, daemon=True).start()
    mfusepy.FUSE(
        FailingDisk(backing, control),
        mount,
        foreground=True,
        # One change after the other: their numbers mean something.
        nothreads=True,
        allow_other=True,
        use_ino=True,
        hard_remove=True,
        attr_timeout=0,
        entry_timeout=0,
    )


if __name__ == "__main__":
    serve(*sys.argv[1:])
