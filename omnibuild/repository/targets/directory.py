"""A repository's directory: whole files, readable by everybody, one publisher at a time."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.disk import sync_all
from omnibuild.errors import RepositoryError, UsageError, Where
from omnibuild.events import Emit, Warned
from omnibuild.files import (
    TEMPORARY_PREFIX,
    atomic_file,
    make_directory,
    remove_leftovers,
    remove_tree,
    scratch_directory,
    storage_errors,
    unused,
    write_together,
)
from omnibuild.package.reading import reading
from omnibuild.regular import open_regular
from omnibuild.repository import layout
from omnibuild.repository.targets.target import KEPT_SECONDS, READ_AT_ONCE


@dataclass(frozen=True)
class DirectoryTarget:
    """Files below the directory ``root``; the methods are those of :class:`Target`."""

    root: Path
    # Locks that are held, and files that are not on disk for sure.
    _locks: list[str] = field(default_factory=list)
    _waiting: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, root: Path) -> DirectoryTarget:
        """Return a directory of this machine; raises an error for what cannot be one."""
        first = root.parts[0] if root.parts else ""
        if ":" in first:
            raise UsageError(
                f"{root} is no directory of this machine, and nothing that can be published to",
                hint="publish to a directory, to s3://bucket/prefix or to ssh://user@host/directory;"
                " a directory can be copied elsewhere: all but state/ is what hosts read",
            )
        if root.exists() and not root.is_dir():
            raise RepositoryError("a repository is a directory", where=Where(str(root)))
        return cls(root)

    def read(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""
        file = self.root / path
        with (
            storage_errors(file),
            contextlib.suppress(FileNotFoundError),
            open_regular(file) as stream,
        ):
            return stream.read()
        return b""

    def recall(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""
        return self.read(path)

    def distrust(self) -> None:
        """Do nothing: nothing is remembered."""

    def digest(self, path: str) -> Digest:
        """Return the digest of a file; empty when there is none."""
        with storage_errors(self.root / path):
            try:
                return digests.of_file(self.root / path)
            except FileNotFoundError:
                return ""

    def read_digests(self, paths: Sequence[str]) -> Mapping[str, Digest]:
        """Return the digests of what files hold now, by their paths; empty where there is none."""
        from concurrent.futures import ThreadPoolExecutor  # for those who look all through

        with ThreadPoolExecutor(READ_AT_ONCE) as pool:
            return dict(zip(paths, pool.map(self.digest, paths), strict=True))

    def place(self, path: str = "") -> str:
        """Return what to call a file in messages, or all of it."""
        return str(self.root / path)

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """Yield a file as one of this machine, to be read."""
        yield self.root / path

    def exists(self, path: str) -> bool:
        """Tell whether there is a file, or what stands in its place."""
        return os.path.lexists(self.root / path)

    def put_if(self, path: str, data: bytes, before: bytes) -> bool:
        """Replace a file that still has the content ``before``; empty: that is not there.

        Asked under the lock of who writes there. Returns whether it was so, and is written.
        """
        same = self.read(path) == before
        if same:
            self.put(path, data)
        return same

    def copy(self, source: str, path: str) -> None:
        """Have a file also under another path, in place of what is there."""
        self.put_file(path, self.root / source)

    def put(self, path: str, data: bytes) -> bool:
        """Replace a file in one step; tell whether it said anything else before."""
        return bool(self.put_all({path: data}))

    def put_all(self, contents: Mapping[str, bytes]) -> list[str]:
        """Replace files, one right after the other; those that say the same stay untouched."""
        changed = {path: data for path, data in contents.items() if not self.says(path, data)}
        for path in changed:
            self.make_directory(path.rpartition("/")[0])
        if all(map(self._may_wait, changed)):
            for path, data in changed.items():
                with atomic_file(self.root / path, flush=False) as stream:
                    stream.write(data)
            self._waiting.extend(changed)
        else:
            self._settle()
            write_together({self.root / path: data for path, data in changed.items()})
        return list(changed)

    def says(self, path: str, data: bytes) -> bool:
        """Tell whether a file is there and has this content."""
        return self.read(path) == data and (bool(data) or (self.root / path).exists())

    def put_file(self, path: str, source: Path) -> None:
        """Copy a file into the repository in one step."""
        if self._may_wait(path) and source.is_relative_to(self.root.absolute() / layout.STATE):
            # Nobody else writes to what is on its way: another name for it is as good.
            with contextlib.suppress(OSError):
                self.make_directory(path.rpartition("/")[0])
                source.chmod(0o644)
                os.link(source, self.root / path)
                self._waiting.append(path)
                return
        self.put_new(path, source)

    def put_new(self, path: str, source: Path) -> Digest:
        """Copy a file into the repository: whoever publishes holds the lock."""
        self.make_directory(path.rpartition("/")[0])
        digest, waits = hashlib.sha256(), self._may_wait(path)
        with reading(source):
            content = open_regular(source)
        with content, atomic_file(self.root / path, flush=not waits) as stream:
            while piece := content.read(digests.READ_SIZE):
                digest.update(piece)
                stream.write(piece)
        if waits:
            self._waiting.append(path)
        return digest.hexdigest()

    def _may_wait(self, path: str) -> bool:
        """Tell whether a file need not be on disk before :meth:`_settle`: nothing names it yet."""
        return bool(self._locks) and layout.is_immutable(path)

    def _settle(self) -> None:
        """Bring to disk what waits for that, as something is about to name it."""
        files = [self.root / path for path in self._waiting if self.exists(path)]
        self._waiting.clear()
        with storage_errors(self.root):
            sync_all([*files, *{file.parent for file in files}])

    def make_directory(self, path: str) -> None:
        """Make a directory and its parents, open to web servers whatever the umask is."""
        directory = f"{self.root}/{path}"
        if os.path.isdir(directory):
            return
        with storage_errors(self.root):
            if path:
                self.make_directory(path.rpartition("/")[0])
                Path(directory).mkdir(exist_ok=True)  # another publisher may make it meanwhile
            else:
                make_directory(self.root)
            Path(directory).chmod(0o755)

    def names(self, path: str) -> list[str]:
        """List a directory, oldest entry first; empty when there is none."""
        directory = self.root / path
        if not directory.is_dir():
            return []
        with storage_errors(directory):
            entries = sorted(
                directory.iterdir(), key=lambda item: (item.lstat().st_mtime_ns, item.name)
            )
        return [item.name for item in entries if not item.name.startswith(TEMPORARY_PREFIX)]

    def sizes(self, path: str) -> dict[str, int]:
        """Return the files of a directory, by their names, and how many bytes they have."""
        with storage_errors(self.root / path):
            found = {name: (self.root / path / name).lstat() for name in self.names(path)}
        return {name: each.st_size for name, each in found.items() if stat.S_ISREG(each.st_mode)}

    def settled(
        self, directory: str, names: Sequence[str], seconds: float = KEPT_SECONDS
    ) -> list[str]:
        """Return those names of a directory that are as old as no reader in flight can want."""
        young = time.time() - seconds
        with storage_errors(self.root / directory):
            return [n for n in names if (self.root / directory / n).lstat().st_mtime < young]

    def remove(self, *paths: str) -> None:
        """Remove files or directories."""
        for path in paths:
            with storage_errors(self.root / path):
                remove_tree(self.root / path)

    def retire(self, paths: Iterable[str]) -> None:
        """Count the age of files or directories from now on: readers are about to leave them."""
        for path in paths:
            with storage_errors(self.root / path), contextlib.suppress(FileNotFoundError):
                os.utime(self.root / path)

    def outlast(self, path: str, seconds: float) -> None:
        """Wait until a file is so old: who read its predecessor has then read on.

        Its time may be a second ahead, as :func:`~omnibuild.files.write_together` says.
        """
        with storage_errors(self.root / path):
            age = time.time() - (self.root / path).stat().st_mtime
        time.sleep(min(seconds, max(0.0, seconds - age)))

    def drop_retired(
        self, directory: str, names: Sequence[str], keep: int, seconds: float = KEPT_SECONDS
    ) -> None:
        """Remove what no reader in flight can want: neither young nor among the ``keep`` newest."""
        for name in self.settled(directory, names[: max(0, len(names) - keep)], seconds):
            self.remove(f"{directory}/{name}")

    @contextlib.contextmanager
    def locked(self, lock: str, emit: Emit) -> Iterator[None]:
        """Take one's turn: other publishers, also on other hosts of a shared disk, wait."""
        self.make_directory(str(Path(lock).parent))
        with storage_errors(self.root / lock):
            descriptor = os.open(self.root / lock, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    emit(Warned(f"another publisher holds {self.root}; waiting for it"))
                    fcntl.flock(descriptor, fcntl.LOCK_EX)
                self._locks.append(lock)
                yield
                self._settle()
            finally:
                self._locks[:] = [each for each in self._locks if each != lock]
                os.close(descriptor)

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a directory of this machine for what is on its way.

        A publisher that is killed leaves it behind. Whoever comes next sweeps what that one had
        half written, wherever it is.
        """
        self.make_directory(layout.STATE)
        if any(_is_left(item) for item in (self.root / layout.STATE).iterdir()):
            self._sweep()
        with scratch_directory(self.root / layout.STATE) as scratch:
            yield scratch

    def _sweep(self) -> None:
        with storage_errors(self.root):
            for directory, below, files in os.walk(self.root):
                left = [n for n in (*below, *files) if n.startswith(TEMPORARY_PREFIX)]
                if left:
                    remove_leftovers(Path(directory))
                # What is in them comes and goes with those who live.
                below[:] = [name for name in below if name not in left]


def _is_left(item: Path) -> bool:
    """Tell whether nobody holds what has a temporary name."""
    if not item.name.startswith(TEMPORARY_PREFIX):
        return False
    try:
        with unused(item):
            return True
    except OSError:
        return False
