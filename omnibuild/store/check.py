"""Checking objects before they are used: what becomes new content is what it was when it was made.

A disk, a cable or a careless hand changes bytes without changing times, so nothing but reading
all of an object proves it. An object is read once in a run; trees share files by hard links,
and a file that was read for one tree need not be read again for another.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import DamageError
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from omnibuild.tree import Tree, scan

SHOWN_PATHS = 3

# Bytes. Smaller files are read in one thread: several would only wait for the interpreter's lock.
BIG = 1 << 18

# A file as it is known while nothing that is stored changes: its inode, with its size and time.
_Inode = tuple[int, int, int, int]
_SIZE = 2

# Files that are being read, by their path.
_Ahead = dict[str, Future[Digest]]


class Checker:
    """Checks objects of a store, each once; any number of threads may share one.

    Args:
        store: where the objects are.
        cores: how many files are read side by side.
    """

    def __init__(self, store: Store, cores: int) -> None:
        self._store = store
        self._cores = cores
        self._whole: set[Output] = set()
        self._contents: dict[_Inode, Digest] = {}
        self._lock = threading.Lock()

    def fault(self, output: Output) -> str:
        """Return what is wrong with an object, empty when it is whole."""
        # One after the other: two actions that start together share most of what they stand on.
        with self._lock:
            if output in self._whole:
                return ""
            why = self._blob_fault(output) if output.kind == "blob" else self._tree_fault(output)
            if why:
                # It is removed and made again: numbers of its files may come back for others.
                self._contents.clear()
            else:
                self._whole.add(output)
            return why

    def _blob_fault(self, output: Output) -> str:
        try:
            found = digests.of_file(self._store.blob(output.digest))
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        return "" if found == output.digest else f"its content has the digest {found}"

    def _tree_fault(self, output: Output) -> str:
        root = str(self._store.tree_directory(output.digest))
        try:
            listed = self._store.tree(output.digest)
            with ThreadPoolExecutor(self._cores) as pool:
                ahead = self._read_ahead(root, listed, pool)
                found = scan(root, lambda path, status: self._content(path, status, ahead))
        except (OSError, ValueError) as error:
            return f"it cannot be read: {error}"
        except DamageError as error:
            return f"its list cannot be read: {error.why}"
        return differences(listed, found)

    def _read_ahead(self, root: str, listed: Tree, pool: ThreadPoolExecutor) -> _Ahead:
        """Start reading big files that were not read before, beside the many small ones."""
        ahead: _Ahead = {}
        for entry in listed.files():
            if entry.size >= BIG:
                path = f"{root}/{entry.path}"
                inode = _inode(os.stat(path, follow_symlinks=False))
                if inode[_SIZE] == entry.size and inode not in self._contents:
                    ahead[path] = pool.submit(digests.of_file, path)
        return ahead

    def _content(self, path: str, status: os.stat_result, ahead: _Ahead) -> Digest:
        inode = _inode(status)
        if inode not in self._contents:
            read = ahead.get(path)
            self._contents[inode] = read.result() if read else digests.of_file(path)
        return self._contents[inode]


def _inode(status: os.stat_result) -> _Inode:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def differences(listed: Tree, found: Tree) -> str:
    """Say which paths of a tree are not what its list says, empty when all are."""
    if found == listed:
        return ""
    paths = sorted({entry.path for entry in {*found.entries} ^ {*listed.entries}})
    more = f" and {len(paths) - SHOWN_PATHS} more" if len(paths) > SHOWN_PATHS else ""
    return f"changed: {', '.join(map(repr, paths[:SHOWN_PATHS]))}{more}"
