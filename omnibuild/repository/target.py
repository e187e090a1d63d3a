"""A repository's directory: whole files, readable by everybody, one publisher at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.events import Emit, Warned
from omnibuild.files import TEMPORARY_PREFIX, atomic_file, remove_tree, storage_errors
from omnibuild.repository import layout


@dataclass(frozen=True)
class Target:
    """Reads and writes files below ``root`` by their path in the repository.

    Example:
        >>> target = Target(Path("/srv/repository"))  # doctest: +SKIP
        >>> target.put("keys/shop.asc", key)  # doctest: +SKIP
    """

    root: Path

    def read(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""
        try:
            return (self.root / path).read_bytes()
        except FileNotFoundError:
            return b""

    def digest(self, path: str) -> Digest:
        """Return the digest of a file; empty when there is none."""
        try:
            return digests.of_file(self.root / path)
        except FileNotFoundError:
            return ""

    def put(self, path: str, data: bytes) -> None:
        """Replace a file in one step; one that already says the same stays untouched."""
        if self.read(path) == data and (data or (self.root / path).exists()):
            return
        self.make_directory(str(Path(path).parent))
        with atomic_file(self.root / path) as stream:
            stream.write(data)

    def put_file(self, path: str, source: Path) -> None:
        """Copy a file into the repository in one step."""
        self.make_directory(str(Path(path).parent))
        with source.open("rb") as content, atomic_file(self.root / path) as stream:
            shutil.copyfileobj(content, stream, 1 << 20)

    def make_directory(self, path: str) -> None:
        """Make a directory and its parents, open to web servers whatever the umask is."""
        directory = self.root
        with storage_errors(directory):
            for part in ("", *Path(path).parts):
                directory /= part
                if not directory.is_dir():
                    directory.mkdir(parents=not part)
                    directory.chmod(0o755)

    def names(self, path: str) -> list[str]:
        """List a directory, oldest entry first; empty when there is none."""
        directory = self.root / path
        if not directory.is_dir():
            return []
        entries = sorted(directory.iterdir(), key=lambda item: (item.stat().st_mtime_ns, item.name))
        return [item.name for item in entries if not item.name.startswith(TEMPORARY_PREFIX)]

    def remove(self, path: str) -> None:
        """Remove a file or a directory."""
        target = self.root / path
        if target.is_dir():
            remove_tree(target)
        else:
            target.unlink(missing_ok=True)

    @contextlib.contextmanager
    def locked(self, emit: Emit) -> Iterator[None]:
        """Hold the repository: other publishers, also on other hosts of a shared disk, wait.

        While it is held, the lock file says by whom. A publisher that was killed leaves its
        entry behind; whoever comes next then sweeps what it had half written.
        """
        self.make_directory(str(Path(layout.LOCK).parent))
        descriptor = os.open(self.root / layout.LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        with os.fdopen(descriptor, "r+b") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                emit(Warned(f"another publisher holds {self.root}; waiting for it"))
                fcntl.flock(lock, fcntl.LOCK_EX)
            if lock.read():
                self._sweep()
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            try:
                yield
            finally:
                os.ftruncate(descriptor, 0)

    def _sweep(self) -> None:
        for path in self.root.rglob(f"{TEMPORARY_PREFIX}*"):
            if path.is_dir():
                remove_tree(path)
            else:
                path.unlink(missing_ok=True)
