"""A repository in S3, or in a store that speaks its protocol: hosts read it through any web server.

What is published is decided by a conditional write of the desk, which also says who shows it to
readers: a lease that ends by itself when its holder dies.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import IdentityConflictError, Where
from omnibuild.events import Emit
from omnibuild.repository import layout
from omnibuild.repository.targets.desk import OWN, Desk, Sheet, carries, failures
from omnibuild.repository.targets.lease import Lease, Turns
from omnibuild.repository.targets.listings import Listings
from omnibuild.repository.targets.memory import Memory
from omnibuild.repository.targets.target import KEPT_SECONDS, READ_AT_ONCE
from omnibuild.transfer.bucket import Bucket, ChangedObjectError
from omnibuild.transfer.objects import Hashed, MissingObjectError, open_bucket


@dataclass
class BucketTarget:
    """Objects below a prefix; the methods are those of :class:`Target`."""

    objects: Bucket
    _desk: Desk = field(init=False)
    _listings: Listings = field(init=False)
    _memory: Memory = field(init=False)
    _lease: Lease = field(init=False)
    _turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        self._desk = Desk(self.objects)
        self._listings = Listings(self.objects, self._desk)
        self._memory = Memory(self.objects, self._desk, self._listings)
        self._lease = Lease(self._desk)
        self._turns = Turns(self._lease)

    @classmethod
    def of(cls, url: str) -> BucketTarget:
        """Return the bucket at ``s3://bucket/prefix?endpoint=…&region=…``."""
        return cls(open_bucket(url, Bucket))

    def place(self, path: str = "") -> str:
        """Return what to call a file in messages, or all of it."""
        return f"{self.objects.place}/{path}".rstrip("/")

    def read(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""
        if carries(path) and (found := self._on_desk(path)) is not None:
            return found
        with self._failures(path):
            return self._memory.read(path)

    def recall(self, path: str) -> bytes:
        """Return what was written to a file last, as far as it is remembered."""
        return self._memory.recalled().get(path) or self.read(path)

    def distrust(self) -> None:
        """Remember nothing: somebody may have changed what readers see."""
        self._memory.distrust()

    def _on_desk(self, path: str) -> bytes | None:
        """Return a small file of the state; nothing when it is an object, or is not there."""
        with self._failures(path):
            if path == layout.HEAD and not (self._desk.fresh or self._lease.held):
                self._desk.refresh()
            found = self._desk.get(path)
            if path == layout.HEAD:
                self._desk.fresh = False
            if path == layout.SHOWN and self._lease.is_others(self._desk.sheet):
                # They are at it: what readers are shown is nothing whole.
                return b""
        return b"" if found is None and path in OWN else found

    def digest(self, path: str) -> Digest:
        """Return the digest of a file, which was stored with it; empty when there is none."""
        if carries(path) and (found := self._on_desk(path)) is not None:
            return digests.of_bytes(found)
        with self._failures(path):
            return self._memory.digest(path)

    def read_digests(self, paths: Sequence[str]) -> Mapping[str, Digest]:
        """Return the digests of what objects hold now: what was stored with them is not asked."""
        objects = [path for path in paths if not carries(path)]
        with ThreadPoolExecutor(READ_AT_ONCE) as pool:
            found = dict(zip(objects, pool.map(self._read_digest, objects), strict=True))
        small = {path: self.read(path) for path in paths if path not in found}
        return found | {path: digests.of_bytes(d) if d else "" for path, d in small.items()}

    def _read_digest(self, path: str) -> Digest:
        stream = Hashed()
        with self._failures(path):
            try:
                self.objects.get(path, stream, progress=lambda done, total: None)
            except MissingObjectError:
                return ""
        return stream.digest

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """Yield a file as one of this machine, to be read."""
        with self.scratch() as directory:
            file = directory / path.rpartition("/")[2]
            with self._failures(path), file.open("wb") as stream:
                self.objects.get(path, stream, progress=lambda done, total: None)
            yield file

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or a directory."""
        if path in self._memory.known:
            return bool(self._memory.known[path][1])
        with self._failures(path):
            if path in OWN:
                return self._desk.get(path) is not None or path in self._desk.refresh().files
            if carries(path) and (self._desk.get(path) is not None or self._desk.below(path)):
                return True
            found = (item.name for item in self.objects.listed(path))
            return any(name == path or name.startswith(f"{path}/") for name in found)

    def names(self, path: str) -> list[str]:
        """List a directory, oldest entry first; empty when there is none."""
        with self._failures(path):
            newest = self._listings.newest(path)
        return sorted(newest, key=lambda name: (newest[name], name))

    def sizes(self, path: str) -> dict[str, int]:
        """Return the files of a directory, by their names, and how many bytes they have."""
        with self._failures(path):
            return self._listings.sizes(path)

    def settled(
        self, directory: str, names: Sequence[str], seconds: float = KEPT_SECONDS
    ) -> list[str]:
        """Return those names of a directory that are as old as no reader in flight can want."""
        with self._failures(directory):
            return self._listings.settled(directory, names, seconds)

    def says(self, path: str, data: bytes) -> bool:
        """Tell whether a file is there and has this content."""
        if carries(path) and (found := self._on_desk(path)) is not None:
            return found == data and self._desk.get(path) is not None
        with self._failures(path):
            return self._memory.says(path, data)

    def put(self, path: str, data: bytes) -> bool:
        """Replace a file in one step; to ask what it said would take as long as to write it."""
        if path in self._memory.known or carries(path):
            return bool(self.put_all({path: data}))
        if not layout.is_immutable(path):
            return self._put(path, data)
        try:
            # Mostly it is new: that is asked by writing it.
            return self._put(path, data, before="")
        except ChangedObjectError:
            return bool(self.put_all({path: data}))

    def put_all(self, contents: Mapping[str, bytes]) -> list[str]:
        """Replace files in their order; those that say the same stay untouched."""
        anew = self._memory.is_anew
        changed = [p for p, data in contents.items() if anew(p) or not self.says(p, data)]
        for path in changed:
            self._put(path, contents[path])
        return changed

    def put_if(self, path: str, data: bytes, before: bytes) -> bool:
        """Replace the head if it still is what was read of it, and be the one to show it."""

        def edit(sheet: Sheet) -> Sheet | None:
            found = sheet.files.get(path)
            if (found.data if found else b"") != before:
                return None
            # What begins a repository is followed by another one.
            return self._lease.taken(sheet) if before else sheet

        with self._failures(path):
            self._desk.put(path, data)
            done = self._desk.write(edit)
        if not done:
            self._desk.give_up((layout.HEAD, layout.LEAVES, layout.RELEASES))
        return done

    def put_file(self, path: str, source: Path) -> None:
        """Copy a file of this machine into the repository in one step."""
        self._put(path, source)

    def put_new(self, path: str, source: Path) -> Digest:
        """Copy a file into the repository, unless somebody did it with other content."""
        try:
            self._put(path, source, before="")
        except ChangedObjectError as error:
            found = self.digest(path)
            if found != digests.of_file(source):
                raise IdentityConflictError(
                    f"{path.rpartition('/')[2]} is being published by somebody else, with other"
                    " content, or was left by a publisher that did not finish",
                    where=Where(str(source)),
                    why=f"there:   {found}\noffered: {digests.of_file(source)}",
                    hint="raise the package's revision",
                ) from error
        return self.digest(path)

    def copy(self, source: str, path: str) -> None:
        """Have a file also under another path, in place of what is there."""
        with self._failures(path):
            self._memory.copy(source, path)

    def remove(self, *paths: str) -> None:
        """Remove files, as far as they are there."""
        with self._failures("".join(paths[:1])):
            self._lease.check()
            kept = [path for path in paths if carries(path) and self._desk.drop(path)]
            self._memory.remove([path for path in paths if path not in kept])
            self._memory.forget(*kept)
            self._turns.settle()

    def retire(self, paths: Iterable[str]) -> None:
        """Count the age of files or directories from now on: the desk has it."""
        for path in paths:
            with self._failures(path):
                self._listings.retire(path)

    def outlast(self, path: str, seconds: float) -> None:
        """Wait until a file is so old, by this machine's own clock if it was written from here."""
        age = time.monotonic() - self._memory.written.get(path, time.monotonic())
        time.sleep(max(0.0, seconds - age))

    def drop_retired(
        self, directory: str, names: Sequence[str], keep: int, seconds: float = KEPT_SECONDS
    ) -> None:
        """Remove what no reader in flight can want: neither young nor among the ``keep`` newest."""
        if old := names[: max(0, len(names) - keep)]:
            with self._failures(directory):
                self._listings.drop_retired(directory, old, seconds)

    @contextlib.contextmanager
    def locked(self, lock: str, emit: Emit) -> Iterator[None]:
        """Hold a lease while readers are shown something; to publish needs no turn here."""
        with self._failures(layout.DESK), self._turns.taken(lock, emit):
            if lock == layout.LOCK:
                self._memory.forget_all()
                yield
                return
            self._memory.begin()
            self._listings.resume()
            try:
                yield
                self._memory.remember()
                self._listings.keep()
            finally:
                self._listings.forget()
                self._memory.end()

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a directory of this machine; in the bucket nothing is ever half written."""
        with tempfile.TemporaryDirectory(prefix="omnibuild-") as directory:
            yield Path(directory)

    def _put(self, path: str, source: bytes | Path, *, before: str | None = None) -> bool:
        if isinstance(source, bytes) and carries(path) and self._desk.put(path, source):
            with self._failures(path):
                self._turns.settle()
        else:
            with self._failures(path):
                self._memory.write(path, source, before)
        return True

    def _failures(self, path: str) -> AbstractContextManager[None]:
        return failures(self.place(path))
