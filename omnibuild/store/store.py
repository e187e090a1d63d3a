"""The local store: content-addressed files and directories, and the results of actions.

Layout below the cache directory::

    blobs/ab/<sha256>            one file each
    trees/ab/<digest>/files/     one directory each, and its list in tree.json
    results/ab/<key>.json        what an action with that key produced
    documents/  actions/         what actions were made from, for explanations
    failed/<name>/               sandboxes of failed steps
    delivered/                   files outside, known again without reading them
    searched/                    what was found by reading all of something
    logs/  locks/  leases/  scratch/

Objects never change once they have their name. Everything is made in ``scratch`` and renamed.
The time of a blob, of a ``tree.json`` and of a result is when it was last used.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

from omnibuild import digests, files
from omnibuild.digests import Digest
from omnibuild.disk import sync_filesystem
from omnibuild.errors import DamageError, StorageError
from omnibuild.store.history import History, file_name
from omnibuild.store.leases import Leases
from omnibuild.store.ownership import refuse_to_mix
from omnibuild.store.results import Output, Result, read_record, write_record
from omnibuild.tree import Tree, scan

LIST_FILE, _BEFORE, _AFTER = "tree.json", b'{"entries":', b"}"
DIRECTORIES = ("blobs", "results", "actions", "logs", "locks", "leases")

# What a step wrote may be setuid, and nobody has looked at it: no other user may reach it.
PRIVATE_DIRECTORIES = ("trees", "scratch", "failed")


class Store:
    """The content-addressed store at ``root`` (a directory, made when missing).

    One that cannot be written serves what it has; nothing is kept of who used it.

    Raises :class:`StorageError`: it cannot be made, or root would write in another user's.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.history = History(root)
        self.leases = Leases(root)
        self.read_only = root.is_dir() and not os.access(root, os.W_OK)
        if self.read_only:
            return
        refuse_to_mix(root)
        with files.storage_errors(root):
            for name in DIRECTORIES:
                files.make_directory(root / name)
            for name in PRIVATE_DIRECTORIES:
                if not (root / name).is_dir():
                    files.make_directory(root / name)
                    (root / name).chmod(0o700)

    @contextlib.contextmanager
    def lease(self) -> Iterator[None]:
        """Keep all that is taken or made during the block; every command that builds holds one.

        Raises :class:`StorageError` when somebody takes the store's own directories away.
        """
        try:
            with contextlib.nullcontext() if self.read_only else self.leases.hold():
                yield
        except FileNotFoundError as error:
            names = (*DIRECTORIES, *PRIVATE_DIRECTORIES)
            gone = [name for name in names if not (self.root / name).is_dir()]
            if not gone:
                raise
            raise StorageError(
                f"{self.root / gone[0]} is gone: something removed it while it was in use",
                why=str(error),
                hint="build again: it is made anew; `omnibuild cache gc` removes what is old",
            ) from error

    # Objects

    def blob(self, digest: Digest) -> Path:
        """Return the path of a blob, whether it exists or not."""
        return self.root / "blobs" / digest[:2] / digest

    def tree_directory(self, digest: Digest) -> Path:
        """Return the directory that holds a tree's files, whether it exists or not."""
        return self.root / "trees" / digest[:2] / digest / "files"

    def has(self, output: Output) -> bool:
        """Tell whether the object is here; by the next moment it may be collected."""
        return os.path.exists(self._marked(output))

    def take(self, output: Output) -> bool:
        """Tell whether the object is here, and keep it for as long as the lease is held."""
        if self.read_only:
            return self.has(output)
        with self.leases.marking():
            return self.leases.mark(self._marked(output))

    def _marked(self, output: Output) -> Path:
        """Return the file whose time tells when the object was last used."""
        if output.kind == "blob":
            return self.blob(output.digest)
        return self.tree_directory(output.digest).with_name(LIST_FILE)

    def add_blob(self, data: bytes) -> Output:
        """Store bytes."""
        output = Output("blob", digests.of_bytes(data))
        if not self.take(output):
            path, scratch = self.blob(output.digest), self.root / "scratch"
            files.write_atomic(path, data, mode=0o444, scratch=scratch)
        return output

    def add_file(self, path: Path, *, identity: Digest = "") -> Output:
        """Store a file of :meth:`scratch`, which is consumed."""
        output = Output("blob", digests.of_file(path), identity)
        if not self.take(output):
            files.make_directory(self.blob(output.digest).parent)
            with self.leases.marking():
                files.commit_file(path, self.blob(output.digest))
                self.leases.mark(self._marked(output))
        return output

    def add_tree(self, directory: Path) -> Output:
        """Store a directory: ``directory/files`` becomes the tree and ``directory`` is consumed.

        Args:
            directory: a scratch directory of this store that holds ``files/``.
        """
        return self.add_scanned_tree(directory, scan(directory / "files"))

    def add_scanned_tree(self, directory: Path, tree: Tree) -> Output:
        """Like :meth:`add_tree`, for a caller that already knows what is in ``files/``."""
        output = Output("tree", tree.digest)
        if self.take(output):
            return output
        final = self.tree_directory(tree.digest).parent
        with files.storage_errors(final):
            document = digests.canonical_json({"entries": tree.to_data()})
            # One call flushes all of it.
            with files.atomic_file(directory / LIST_FILE, flush=False) as stream:
                stream.write(document)
            sync_filesystem(directory)
            with self.leases.marking():
                if final.exists() and not self.has(output):
                    # Somebody removed the list: what is left would be kept in place of ours.
                    self.discard(final)
                files.commit_directory(directory, final)
                self.leases.mark(self._marked(output))
        return output

    def tree(self, digest: Digest) -> Tree:
        """Return the list of a stored tree; it is what the digest says, or :class:`DamageError`."""
        path = self._marked(Output("tree", digest))
        try:
            return read_list(digest, path.read_bytes())
        except (OSError, ValueError) as error:
            raise DamageError(
                f"the store's list of tree {digest[:12]} cannot be read",
                why=str(error),
                hint="`omnibuild cache verify` removes what is damaged; it will be made again",
            ) from error

    def remove(self, output: Output) -> None:
        """Take a damaged object away: whoever needs it makes it again."""
        marked = self._marked(output)
        with self.leases.deciding():
            self.discard(marked if output.kind == "blob" else marked.parent)

    def discard(self, *paths: Path) -> None:
        """Take files and directories of the store away: all at once for others, then for good."""
        with self.scratch() as scratch:
            for number, path in enumerate(paths):
                with contextlib.suppress(FileNotFoundError):
                    os.rename(path, scratch / str(number))

    # Results

    def result(self, key: Digest) -> Result | None:
        """Return what the action with that key produced; the object itself may be gone."""
        path = self._record(key)
        try:
            with files.storage_errors(path):
                result = read_record(key, path.read_bytes())
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            # A damaged record is only a lost shortcut: the action runs and writes it again.
            return None
        with contextlib.suppress(OSError):
            # Used records stay longer; one that vanishes now was read before.
            os.utime(path)
        return result

    def record(self, key: Digest, result: Result) -> None:
        """Record what the action with that key produced.

        The object is on disk by then. The record itself is a shortcut: one that a lost power takes
        away costs the action, so nobody waits for the disk here.
        """
        scratch = self.root / "scratch"
        with files.atomic_file(self._record(key), scratch=scratch, flush=False) as stream:
            stream.write(write_record(key, result))

    def _record(self, key: Digest) -> Path:
        return self.root / "results" / key[:2] / f"{key}.json"

    def log(self, name: str, key: Digest) -> Path:
        """Return where the log of an action with that key goes."""
        return self.root / "logs" / f"{file_name(name)}-{key[:12]}.log"

    def latest_log(self, name: str) -> Path | None:
        """Return the newest log of an action, named in whole or by what follows its kind.

        The root behind the ``@`` may be left out. Of several one with something in it.
        """
        wanted = re.compile(
            rf"([a-z]+_(.*_)?)?{re.escape(file_name(name))}(@.*)?-[0-9a-f]{{12}}\.log"
        )
        logs = [path for path in (self.root / "logs").iterdir() if wanted.fullmatch(path.name)]
        found = [(path.stat(), path) for path in logs]
        found.sort(key=lambda each: (each[0].st_size > 0, each[0].st_mtime))
        return found[-1][1] if found else None

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a private directory on the store's own file system; removed at the end."""
        with files.scratch_directory(self.root / "scratch") as path:
            yield path

    @contextlib.contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold an exclusive lock between processes; it vanishes with the process."""
        path = self.root / "locks" / file_name(name)
        descriptor = self._locked(path)
        try:
            yield
        finally:
            os.close(descriptor)

    def _locked(self, path: Path) -> int:
        with files.storage_errors(path):
            while True:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                # A collector may have removed the file while this waited: then it locks nobody.
                if files.is_at(descriptor, path):
                    return descriptor
                os.close(descriptor)

    def collect_scratch(self) -> None:
        """Remove what killed processes left behind; what the living use is locked."""
        if self.read_only:
            return
        for name in ("scratch", "leases"):
            files.remove_leftovers(self.root / name)


def read_list(digest: Digest, document: bytes) -> Tree:
    """Read the list of a tree; raises ``ValueError`` unless the digest is of what it says."""
    # Written as it was hashed, the list need not be serialised again; older ones have spaces.
    listed = document[len(_BEFORE) : -len(_AFTER)]
    if document == _BEFORE + listed + _AFTER and digests.of_bytes(listed) == digest:
        return _entries(listed)
    data = json.loads(document)
    if not isinstance(data, dict) or "entries" not in data:
        raise ValueError("it lists nothing")
    if digests.of_json(data["entries"]) != digest:
        raise ValueError("it has another digest")
    return Tree.from_data(data["entries"])


@functools.lru_cache(maxsize=64)
def _entries(listed: bytes) -> Tree:
    """Read a list that is known to be whole."""
    return Tree.from_data(json.loads(listed))
