"""Checking objects before they are used: what becomes new content is what it was when it was made.

A disk, a cable or a careless hand changes bytes without changing times, so nothing but reading
all of an object proves it. An object is read once in a run; trees share files by hard links,
and a file that was read for one tree need not be read again for another.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import DamageError
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from omnibuild.tree import Tree, scan

SHOWN_PATHS = 3

# Below that many bytes a second thread costs more than it saves.
WORTH_A_THREAD = 8 << 20

# A file as it is known within one run, in which nothing that is stored changes: its inode, and
# its size and time, so that a new file that was given the number of a removed one is another.
_Inode = tuple[int, int, int, int]


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
            if not why:
                self._whole.add(output)
            return why

    def _blob_fault(self, output: Output) -> str:
        try:
            found = digests.of_file(self._store.blob(output.digest))
        except OSError as error:
            return f"it cannot be read: {error.strerror}"
        return "" if found == output.digest else f"its content has the digest {found}"

    def _tree_fault(self, output: Output) -> str:
        try:
            listed = self._store.tree(output.digest)
            root = str(self._store.tree_directory(output.digest))
            self._read(root, listed)
            found = scan(root, self._content)
        except (OSError, ValueError) as error:
            return f"it cannot be read: {error}"
        except DamageError as error:
            return f"its list cannot be read: {error.why}"
        return differences(listed, found)

    def _read(self, root: str, listed: Tree) -> None:
        """Read the files of a tree that were not read before, big trees with several threads."""
        unread = {}
        for entry in listed.files():
            path = f"{root}/{entry.path}"
            inode = _inode(os.stat(path, follow_symlinks=False))
            if inode not in self._contents:
                unread[inode] = path
        size = sum(size for _, _, size, _ in unread)
        threads = min(self._cores, 1 + size // WORTH_A_THREAD)
        if threads == 1:
            self._contents |= _digests(unread.items())
            return
        # The biggest first and in turns, so that all threads end together.
        ordered = sorted(unread.items(), key=lambda item: -item[0][2])
        with ThreadPoolExecutor(threads) as pool:
            for found in pool.map(_digests, (ordered[n::threads] for n in range(threads))):
                self._contents |= found

    def _content(self, path: str, status: os.stat_result) -> Digest:
        return self._contents.get(_inode(status)) or digests.of_file(path)


def _digests(files: Iterable[tuple[_Inode, str]]) -> dict[_Inode, Digest]:
    return {inode: digests.of_file(path) for inode, path in files}


def _inode(status: os.stat_result) -> _Inode:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def differences(listed: Tree, found: Tree) -> str:
    """Say which paths of a tree are not what its list says, empty when all are."""
    if found == listed:
        return ""
    paths = sorted({entry.path for entry in {*found.entries} ^ {*listed.entries}})
    more = f" and {len(paths) - SHOWN_PATHS} more" if len(paths) > SHOWN_PATHS else ""
    return f"changed: {', '.join(map(repr, paths[:SHOWN_PATHS]))}{more}"
