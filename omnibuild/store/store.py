"""The local store: content-addressed files and directories, and the results of actions.

Layout below the cache directory::

    blobs/ab/<sha256>            one file each
    trees/ab/<digest>/files/     one directory each, and its list in tree.json
    results/ab/<key>.json        what an action with that key produced
    documents/  actions/         what actions were made from, for explanations
    logs/  locks/  scratch/

Objects never change once they have their name. Everything is made in ``scratch`` and renamed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omnibuild import digests, files
from omnibuild.digests import Digest
from omnibuild.errors import StorageError
from omnibuild.store.history import History, file_name
from omnibuild.store.results import Output, Result
from omnibuild.tree import Tree, scan


class Store:
    """The content-addressed store at ``root`` (a directory, made when missing)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.history = History(root)
        with files.storage_errors(root):
            for name in ("blobs", "trees", "results", "actions", "logs", "locks", "scratch"):
                (root / name).mkdir(parents=True, exist_ok=True)

    # Objects -----------------------------------------------------------------------------

    def blob(self, digest: Digest) -> Path:
        """Return the path of a blob, whether it exists or not."""
        return self.root / "blobs" / digest[:2] / digest

    def tree_directory(self, digest: Digest) -> Path:
        """Return the directory that holds a tree's files, whether it exists or not."""
        return self.root / "trees" / digest[:2] / digest / "files"

    def has(self, output: Output) -> bool:
        """Tell whether the object is here."""
        if output.kind == "blob":
            return self.blob(output.digest).exists()
        return self.tree_directory(output.digest).exists()

    def add_blob(self, data: bytes) -> Output:
        """Store bytes."""
        digest = digests.of_bytes(data)
        path = self.blob(digest)
        if not path.exists():
            files.write_atomic(path, data, mode=0o444)
        return Output("blob", digest)

    def add_tree(self, directory: Path, notes: Mapping[str, Any] | None = None) -> Output:
        """Store a directory: ``directory/files`` becomes the tree and ``directory`` is consumed.

        Args:
            directory: a scratch directory of this store that holds ``files/``.
            notes: facts derived from the tree alone, kept beside it.
        """
        tree = scan(directory / "files")
        return self.add_scanned_tree(directory, tree, notes)

    def add_scanned_tree(
        self, directory: Path, tree: Tree, notes: Mapping[str, Any] | None = None
    ) -> Output:
        """Like :meth:`add_tree`, for a caller that already knows what is in ``files/``."""
        final = self.tree_directory(tree.digest).parent
        if not final.exists():
            document = {"entries": tree.to_data(), "notes": dict(notes or {})}
            files.write_atomic(directory / "tree.json", json.dumps(document))
            with files.storage_errors(final):
                files.sync_filesystem(directory)
            files.commit_directory(directory, final)
        return Output("tree", tree.digest)

    def tree(self, digest: Digest) -> Tree:
        """Return the list of a stored tree."""
        return Tree.from_data(self._tree_document(digest)["entries"])

    def notes(self, digest: Digest) -> dict[str, Any]:
        """Return the notes kept beside a stored tree."""
        notes: dict[str, Any] = self._tree_document(digest)["notes"]
        return notes

    def _tree_document(self, digest: Digest) -> dict[str, Any]:
        path = self.tree_directory(digest).parent / "tree.json"
        try:
            document: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise StorageError(
                f"the store's list of tree {digest[:12]} cannot be read",
                why=str(error),
                hint=f"remove {path.parent}; it will be made again",
            ) from error
        return document

    # Results -----------------------------------------------------------------------------

    def result(self, key: Digest) -> Result | None:
        """Return what the action with that key produced; the object itself may be gone."""
        path = self.root / "results" / key[:2] / f"{key}.json"
        try:
            return Result.from_data(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            # A damaged record is only a lost shortcut: the action runs and writes it again.
            return None

    def record(self, key: Digest, result: Result) -> None:
        """Record what the action with that key produced."""
        files.write_atomic(
            self.root / "results" / key[:2] / f"{key}.json", json.dumps(result.to_data())
        )

    # Places ------------------------------------------------------------------------------

    def log(self, name: str, key: Digest) -> Path:
        """Return where the log of an action with that key goes."""
        return self.root / "logs" / f"{file_name(name)}-{key[:12]}.log"

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a private directory on the store's own file system; removed at the end."""
        with files.scratch_directory(self.root / "scratch") as path:
            yield path

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold an exclusive lock between processes; it vanishes with the process."""
        path = self.root / "locks" / file_name(name)
        with files.storage_errors(path), path.open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(stream, fcntl.LOCK_UN)

    def collect_scratch(self) -> None:
        """Remove what killed processes left in ``scratch``.

        A directory is in use while a process holds a lock on it; a crash releases the lock.
        """
        for path in (self.root / "scratch").iterdir():
            with contextlib.suppress(BlockingIOError, FileNotFoundError):
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    files.remove_tree(path)
                finally:
                    os.close(descriptor)
