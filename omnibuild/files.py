"""The one way files and directories come into being: whole, or not at all.

Written aside, flushed, renamed: whoever looks sees old content or new, also after a crash.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from omnibuild.disk import remove_stubborn, sync_all
from omnibuild.errors import StorageError
from omnibuild.regular import of_another_kind

TEMPORARY_PREFIX = ".tmp-omnibuild-"
SECOND = 10**9

# What a user's disk or choice of a place can do to us; anything else is a bug.
UNWRITABLE = frozenset(
    (
        *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
        *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENXIO, errno.ELOOP, errno.ENAMETOOLONG),
        *(errno.EFBIG, errno.EUCLEAN, errno.ESTALE, errno.ENOTCONN),
    )
)
_BROKEN = frozenset((errno.EIO, errno.EUCLEAN, errno.ESTALE, errno.ENOTCONN))


def write_atomic(
    path: Path, data: bytes | str, *, mode: int = 0o644, scratch: Path | None = None
) -> None:
    """Replace ``path`` by ``data`` in one step; arguments as for :func:`atomic_file`."""
    with atomic_file(path, mode=mode, scratch=scratch) as stream:
        stream.write(data.encode() if isinstance(data, str) else data)


@contextlib.contextmanager
def atomic_file(
    path: Path, *, mode: int = 0o644, scratch: Path | None = None, flush: bool = True
) -> Iterator[IO[bytes]]:
    """Open a new file that takes the name ``path`` only when the block ends without an error.

    Args:
        path: the final name; missing parent directories are made.
        mode: permission bits.
        scratch: where the file is until then, on the same file system; beside ``path`` if omitted.
        flush: whether it is on disk then; else a lost power takes it: for what can be lost.

    Yields a binary stream; raises :class:`StorageError` when the disk is full or broken.
    """
    with storage_errors(path):
        make_directory(path.parent)
        name, descriptor = locked_file(scratch or path.parent)
        try:
            with os.fdopen(descriptor, "w+b") as stream:
                yield stream
                stream.flush()
                os.fchmod(stream.fileno(), mode)
                if flush:
                    os.fsync(stream.fileno())
                # Still locked: no collector takes it for the leftover of a killed process.
                os.replace(name, path)
        except BaseException:
            # What cannot be removed now is removed by the next collection.
            with contextlib.suppress(OSError):
                os.unlink(name)
            raise
        if flush:
            sync_all([path.parent])


def write_together(contents: Mapping[Path, bytes]) -> None:
    """Replace files in their order, one right after the other: all are on disk before the first.

    Each is a second later than what it replaces, or more: servers tell by seconds what is fresh.
    """
    names: dict[Path, str] = {}
    with contextlib.ExitStack() as stack:
        stack.callback(_unlink, names)
        for path, data in contents.items():
            with storage_errors(path):
                make_directory(path.parent)
                names[path], descriptor = locked_file(path.parent)
                stream = stack.enter_context(os.fdopen(descriptor, "wb", buffering=0))
                before = os.stat(path).st_mtime_ns if os.path.exists(path) else 0
                moment = max(time.time_ns(), before + SECOND)
                while data:
                    data = data[stream.write(data) :]
                os.fchmod(descriptor, 0o644)
                os.utime(descriptor, ns=(moment, moment))
        with storage_errors(next(iter(contents), Path())):
            sync_all(list(map(Path, names.values())))
        for path in contents:
            with storage_errors(path):
                os.replace(names[path], path)
            del names[path]
    sync_all({path.parent for path in contents})


def _unlink(names: Mapping[Path, str]) -> None:
    for name in names.values():
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def scratch_directory(parent: Path) -> Iterator[Path]:
    """Yield a new private directory under ``parent``; it is removed at the end, come what may."""
    with storage_errors(parent):
        make_directory(parent)
        name, descriptor = _locked(lambda: _new_directory(parent))
        try:
            yield Path(name)
        finally:
            os.close(descriptor)
            with contextlib.suppress(OSError):
                remove_tree(Path(name))


def private(name: str, flags: int) -> int:
    """Open a file that nobody else can read, as ``open(…, opener=private)``; never by a symlink."""
    descriptor = os.open(name, flags | os.O_NOFOLLOW, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


def locked_file(parent: Path) -> tuple[str, int]:
    """Make a file with a temporary name; return that and the descriptor that holds its lock."""

    def create() -> tuple[str, int]:
        name = _temporary_name(parent)
        with _creation(parent):
            return name, os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)

    return _locked(create)


def _temporary_name(parent: Path) -> str:
    # tempfile takes longer to load than to write a file.
    return f"{os.path.abspath(parent)}/{TEMPORARY_PREFIX}{os.urandom(8).hex()}"


def _new_directory(parent: Path) -> tuple[str, int]:
    name = _temporary_name(parent)
    with _creation(parent):
        os.mkdir(name, 0o700)
    try:
        return name, os.open(name, os.O_RDONLY)
    except FileNotFoundError:
        # A collector was quicker; any other descriptor tells that it is gone.
        return name, os.open(parent, os.O_RDONLY)


def _locked(create: Callable[[], tuple[str, int]]) -> tuple[str, int]:
    """Return a new temporary file or directory and the descriptor that holds a lock on it.

    The lock tells collectors that a living process uses it. A collector may come between
    creation and lock, and remove it: then there is another one.
    """
    while True:
        name, descriptor = create()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if is_at(descriptor, name):
                return name, descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def is_at(descriptor: int, path: str | Path) -> bool:
    """Tell whether an open file still has that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def remove_leftovers(directory: Path) -> None:
    """Remove what killed processes left in a directory under temporary names.

    What a living process uses is locked, and stays; so does what cannot be removed now.
    Raises :class:`StorageError` when the directory is none, or cannot be read.
    """
    with (
        contextlib.suppress(FileNotFoundError),
        storage_errors(directory),
        os.scandir(directory) as items,
    ):
        for item in items:
            if item.name.startswith(TEMPORARY_PREFIX):
                with contextlib.suppress(OSError), unused(Path(item.path)):
                    remove_tree(Path(item.path))


@contextlib.contextmanager
def unused(path: Path) -> Iterator[None]:
    """Hold the lock of a file or directory; raise ``BlockingIOError`` while somebody has it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def make_directory(path: Path) -> None:
    """Make a directory and its parents, all of which survive a loss of power.

    Whatever the umask is, nobody may write there who may not in the directory above.
    """
    if not path.is_dir():
        make_directory(path.parent)
        above = path.parent.stat().st_mode
        mode = 0o755 | (0 if above & stat.S_ISVTX else above & 0o022)
        with _creation(path.parent):
            path.mkdir(mode, exist_ok=True)
        sync_all([path.parent])


@contextlib.contextmanager
def _creation(parent: Path) -> Iterator[None]:
    """Say what a new name means that is not found: the kernel shows itself there, as in /proc."""
    try:
        yield
    except FileNotFoundError as error:
        if not parent.is_dir():
            raise
        raise OSError(errno.EPERM, "nothing can be made there", str(parent)) from error


def commit_directory(temporary: Path, final: Path) -> None:
    """Give the finished directory its final name; if another process was first, keep theirs."""
    with storage_errors(final):
        make_directory(final.parent)
        try:
            os.rename(temporary, final)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            remove_tree(temporary)
        sync_all([final.parent])


def commit_file(temporary: Path, final: Path) -> None:
    """Give the finished file its final name, in place of what had it before; its time is now."""
    with storage_errors(final):
        with temporary.open("rb") as stream:
            os.fchmod(stream.fileno(), 0o644)
            os.utime(stream.fileno())
            os.fsync(stream.fileno())
        os.replace(temporary, final)
        sync_all([final.parent])


def remove_tree(path: Path) -> None:
    """Remove a file or a directory tree, also one with closed directories; none is fine."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    with contextlib.suppress(RecursionError):
        shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        remove_stubborn(str(path))


@contextlib.contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn a full or unwritable disk into a :class:`StorageError` that names the place."""
    try:
        yield
    except OSError as error:
        if error.errno not in UNWRITABLE:
            raise
        why = f"while writing {error.filename}" if error.filename else ""
        if obstacle := of_another_kind(error, path):
            hint = "move it away, or choose another place"
            raise StorageError(obstacle, why=why, hint=hint) from error
        raise StorageError(
            f"cannot write below {path}: {error.strerror}",
            why=why,
            hint="look for errors of the disk in the kernel's log: dmesg"
            if error.errno in _BROKEN
            else "make room there, or choose another place: artifacts go where --output says, and"
            " the store is where --cache-dir says",
        ) from error
