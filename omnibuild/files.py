"""The one way files and directories come into being: whole, or not at all.

Everything is written beside its final name, flushed to disk, then renamed. Whoever looks at a
final name sees the old content or the new, also after a crash.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from omnibuild.errors import StorageError

TEMPORARY_PREFIX = ".tmp-"

# What a user's disk or choice of a place can do to us; anything else is a bug.
UNWRITABLE = frozenset(
    (
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
        *(errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG),
    )
)


def write_atomic(path: Path, data: bytes | str, *, mode: int = 0o644) -> None:
    """Replace ``path`` by ``data`` in one step, with permission bits ``mode``."""
    with atomic_file(path, mode=mode) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def atomic_file(path: Path, *, mode: int = 0o644) -> Iterator[IO[bytes]]:
    """Open a new file that takes the name ``path`` only when the block ends without an error.

    Yields a binary stream open for reading and writing.
    Raises :class:`StorageError` when the disk is full or cannot be written.
    """
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
        try:
            with os.fdopen(descriptor, "w+b") as stream:
                yield stream
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                os.fsync(stream.fileno())
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise
        sync_directory(path.parent)


@contextlib.contextmanager
def scratch_directory(parent: Path) -> Iterator[Path]:
    """Yield a new private directory under ``parent``; it is removed at the end, come what may."""
    with storage_errors(parent):
        parent.mkdir(parents=True, exist_ok=True)
        path = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=parent))
        # The lock tells collectors that a living process uses the directory.
        descriptor = os.open(path, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield path
        finally:
            os.close(descriptor)
            remove_tree(path)


def commit_directory(temporary: Path, final: Path) -> None:
    """Give the finished directory its final name; if another process was first, keep theirs."""
    with storage_errors(final):
        final.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.rename(temporary, final)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            remove_tree(temporary)
        sync_directory(final.parent)


def commit_file(temporary: Path, final: Path) -> None:
    """Give the finished file its final name, in place of what had it before."""
    with storage_errors(final):
        with temporary.open("rb") as stream:
            os.fchmod(stream.fileno(), 0o644)
            os.fsync(stream.fileno())
        os.replace(temporary, final)
        sync_directory(final.parent)


def sync_directory(path: Path) -> None:
    """Flush a directory's own entries to disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(path: Path) -> None:
    """Remove a directory tree, also one with read-only directories; a missing one is fine."""

    def unlock_and_retry(function: object, name: str, error: object) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.chmod(os.path.dirname(name), 0o700)
            if os.path.isdir(name) and not os.path.islink(name):
                os.chmod(name, 0o700)
                shutil.rmtree(name)
            else:
                os.unlink(name)

    if path.exists():
        shutil.rmtree(path, onerror=unlock_and_retry)


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn a full or unwritable disk into a :class:`StorageError` that names the place."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        reason = os.strerror(error.errno)
        raise StorageError(
            f"cannot write below {path}: {reason}",
            why=f"while writing {error.filename}" if error.filename else "",
            hint="free space, or choose another place; the store moves with --cache-dir",
        ) from error


def sync_filesystem(path: Path) -> None:
    """Flush everything written to the file system that holds ``path``: one call for many files."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if libc.syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)
