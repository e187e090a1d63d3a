"""The local store: content-addressed files and directories, and the results of actions.

Layout below the cache directory::

    blobs/ab/<sha256>            one file each
    trees/ab/<digest>/files/     one directory each, and its list in tree.json
    results/ab/<key>.json        what an action with that key produced
    actions/<name>.json          the inputs an action had the last time, for explanations
    logs/  locks/  scratch/

Objects never change once they have their name. Everything is made in ``scratch`` and renamed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from omnibuild import digests, files
from omnibuild.digests import Digest
from omnibuild.errors import StorageError
from omnibuild.store.results import Output, Result
from omnibuild.tree import Tree, scan


class Store:
    """The content-addressed store at ``root`` (a directory, made when missing)."""

    def __init__(self, root: Path) -> None:
        self.root = root
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
        """Return what the action with that key produced, if its output is still here."""
        path = self.root / "results" / key[:2] / f"{key}.json"
        try:
            result = Result.from_data(json.loads(path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            # A damaged record is only a lost shortcut: the action runs and writes it again.
            return None
        return result if self.has(result.output) else None

    def record(self, key: Digest, result: Result, name: str, document: Mapping[str, Any]) -> None:
        """Record an action's result, and the key document it had, for later explanations."""
        files.write_atomic(
            self.root / "results" / key[:2] / f"{key}.json", json.dumps(result.to_data())
        )
        last = {"document": dict(document), "seconds": result.seconds}
        files.write_atomic(self.root / "actions" / f"{_safe(name)}.json", json.dumps(last))

    def last_document(self, name: str) -> dict[str, Any] | None:
        """Return the key document that the named action had the last time it ran."""
        last = self._last(name)
        return last["document"] if last else None

    def last_seconds(self, name: str) -> float | None:
        """Return how long the named action took the last time it ran, if it ever did."""
        last = self._last(name)
        return float(last["seconds"]) if last else None

    def _last(self, name: str) -> dict[str, Any] | None:
        try:
            last: dict[str, Any] = json.loads(
                (self.root / "actions" / f"{_safe(name)}.json").read_bytes()
            )
        except (FileNotFoundError, ValueError):
            return None
        return last if {"document", "seconds"} <= last.keys() else None

    # Places ------------------------------------------------------------------------------

    def log(self, name: str, key: Digest) -> Path:
        """Return where the log of an action with that key goes."""
        return self.root / "logs" / f"{_safe(name)}-{key[:12]}.log"

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a private directory on the store's own file system; removed at the end."""
        with files.scratch_directory(self.root / "scratch") as path:
            yield path

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold an exclusive lock between processes; it vanishes with the process."""
        path = self.root / "locks" / _safe(name)
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


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._+-]", "_", name)
