"""What an overlay mount shows and keeps, by plain files: for sandboxes that cannot mount one.

The layers are copied into the upper directory, so that a step sees them all in one place. After
the step everything is taken away again that it left alone. What stays is what an overlay's upper
directory would hold: new and changed files, and for each removed one a whiteout.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from omnibuild import files

# A removed file, as overlay mounts write it: a character device 0:0. Since Linux 5.8 everybody
# may make one.
WHITEOUT = os.makedev(0, 0)

# What tells that nobody touched an entry: its inode and the time of its last change, which no
# process can set.
Mark = tuple[int, int]


@contextlib.contextmanager
def union(layers: Sequence[Path], upper: Path) -> Iterator[None]:
    """Show ``layers`` in ``upper`` during the block; afterwards keep only what was written there.

    Args:
        layers: directories, later ones above earlier ones; their files are copied.
        upper: lies above all of them; what it holds already stays in it.

    Raises:
        StorageError: the disk is full or cannot be written.
    """
    with files.storage_errors(upper):
        added = _fill(layers, upper, _Copier())
        marks = {path: _mark(os.lstat(upper / path)) for path in added}
    try:
        yield
    finally:
        with files.storage_errors(upper):
            _withdraw(upper, marks)


def link_layers(layers: Sequence[Path], target: Path) -> None:
    """Fill the directory ``target`` with ``layers`` by hard links: to be seen, never written."""
    with files.storage_errors(target):
        _fill(layers, target, _link)


def _link(source: str, target: str) -> None:
    os.link(source, target, follow_symlinks=False)


class _Copier:
    """Copies files and symlinks; what is linked together stays linked together."""

    def __init__(self) -> None:
        self._copied: dict[tuple[int, int], str] = {}

    def __call__(self, source: str, target: str) -> None:
        status = os.lstat(source)
        if stat.S_ISLNK(status.st_mode):
            os.symlink(os.readlink(source), target)
        elif first := self._copied.get((status.st_dev, status.st_ino)):
            os.link(first, target)
            return
        else:
            with open(source, "rb") as readable, open(target, "xb") as writable:
                # Shares the blocks where the file system can.
                while os.copy_file_range(readable.fileno(), writable.fileno(), 1 << 30):
                    pass
            if status.st_nlink > 1:
                self._copied[status.st_dev, status.st_ino] = target
        shutil.copystat(source, target, follow_symlinks=False)


def _fill(layers: Sequence[Path], target: Path, place: Callable[[str, str], None]) -> list[str]:
    """Add to ``target`` what it lacks of the layers; return the added paths, parents first."""
    added: dict[str, str] = {}
    for layer in reversed(layers):
        _merge(str(layer), str(target), "", place, added)
    for path, source in reversed(added.items()):
        # Last: a directory may be closed to its owner, too.
        if stat.S_ISDIR(os.lstat(source).st_mode):
            shutil.copystat(source, target / path)
    return list(added)


def _merge(
    source: str,
    target: str,
    prefix: str,
    place: Callable[[str, str], None],
    added: dict[str, str],
) -> None:
    with os.scandir(source) as items:
        for item in items:
            path, below = f"{prefix}{item.name}", f"{target}/{item.name}"
            there = os.path.lexists(below)
            if not item.is_dir(follow_symlinks=False):
                if not there:
                    place(item.path, below)
                    added[path] = item.path
                continue
            if not there:
                os.mkdir(below)
                added[path] = item.path
            if stat.S_ISDIR(os.lstat(below).st_mode):
                _merge(item.path, below, f"{path}/", place, added)


def _withdraw(upper: Path, marks: dict[str, Mark]) -> None:
    """Remove the copies that are as they were, and note those that are gone."""
    # Nothing runs in there any more. No symlink is followed: a step may have put one anywhere.
    found = dict(_walk(str(upper), ""))
    # All are judged before the first goes: removing one of two links changes the other.
    same = [path for path, status in found.items() if marks.get(path) == _mark(status)]
    for path in reversed(same):
        if not stat.S_ISDIR(found[path].st_mode):
            os.unlink(upper / path)
        elif not os.listdir(upper / path):
            os.rmdir(upper / path)
    for path in marks.keys() - found.keys():
        parent = os.path.dirname(path)
        if not parent or (parent in found and stat.S_ISDIR(found[parent].st_mode)):
            os.mknod(upper / path, stat.S_IFCHR, WHITEOUT)
    for path, status in reversed(found.items()):
        if _is_closed(status) and os.path.lexists(upper / path):
            os.chmod(upper / path, stat.S_IMODE(status.st_mode))


def _walk(directory: str, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every path below a directory with its status, parents first."""
    with os.scandir(directory) as items:
        for item in items:
            path, status = f"{prefix}{item.name}", item.stat(follow_symlinks=False)
            yield path, status
            if _is_closed(status):
                os.chmod(item.path, 0o700)
            if stat.S_ISDIR(status.st_mode):
                yield from _walk(item.path, f"{path}/")


def _is_closed(status: os.stat_result) -> bool:
    """Tell whether a directory does not let its own owner work in it."""
    return stat.S_ISDIR(status.st_mode) and status.st_mode & 0o700 != 0o700


def _mark(status: os.stat_result) -> Mark:
    return status.st_ino, status.st_ctime_ns
