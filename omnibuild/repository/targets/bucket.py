"""A repository in S3, or in a store that speaks its protocol: hosts read it through any web server.

What is published is decided by a conditional write of the desk, which also says who shows it to
readers: a lease that ends by itself when its holder dies.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import IdentityConflictError, Where
from omnibuild.events import Emit
from omnibuild.repository import layout
from omnibuild.repository.targets.desk import OWN, Desk, Sheet, carries, failures
from omnibuild.repository.targets.headers import headers_of
from omnibuild.repository.targets.lease import Lease, Turns
from omnibuild.repository.targets.listings import Listings
from omnibuild.repository.targets.target import KEPT_SECONDS
from omnibuild.transfer.bucket import Bucket, ChangedObjectError
from omnibuild.transfer.objects import MissingObjectError, open_bucket

SHA256: Final = "sha256"


@dataclass
class BucketTarget:
    """Objects below a prefix; the methods are those of :class:`Target`."""

    objects: Bucket
    # What was read or written: the content and its tag.
    _known: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    _written: dict[str, float] = field(default_factory=dict)
    _stored: dict[str, Digest] = field(default_factory=dict)
    _desk: Desk = field(init=False)
    _listings: Listings = field(init=False)
    _lease: Lease = field(init=False)
    _turns: Turns = field(init=False)

    def __post_init__(self) -> None:
        self._desk = Desk(self.objects)
        self._listings = Listings(self.objects, self._desk)
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
        if path in self._known and self._lasts(path):
            return self._known[path][0]
        if self._listings.lack(path):
            return b""
        with self._failures(path):
            try:
                self._known[path] = self.objects.read(path)
            except MissingObjectError:
                self._known[path] = (b"", "")
        return self._known[path][0]

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

    def _lasts(self, path: str) -> bool:
        """Tell whether a file still is what was read of it, or written."""
        if layout.is_immutable(path):
            return bool(self._known[path][1])
        # While the lease is held nobody else writes what readers see.
        return self._lease.held

    def digest(self, path: str) -> Digest:
        """Return the digest of a file, which was stored with it; empty when there is none."""
        if path in self._stored:
            return self._stored[path]
        if carries(path) and (found := self._on_desk(path)) is not None:
            return digests.of_bytes(found)
        with self._failures(path):
            try:
                words, _ = self.objects.about(path)
            except MissingObjectError:
                return ""
        return words.get(SHA256) or digests.of_bytes(self.read(path))

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
        if path in self._known:
            return bool(self._known[path][1])
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
        if path.startswith(f"{layout.STATE}/"):
            # To ask would take as long as to write: what is small, is called after its content.
            return path in self._known and self._known[path][0] == data
        if path not in self._known and layout.is_immutable(path):
            # One listing tells of all files of a state; without a lease it is not kept.
            with self._failures(path):
                listed = not self._listings.held or self._listings.has(path)
            return listed and self.digest(path) == digests.of_bytes(data)
        if path not in self._known:
            self.read(path)
        content, tag = self._known.get(path, (b"", ""))
        return bool(tag) and content == data

    def put(self, path: str, data: bytes) -> bool:
        """Replace a file in one step; to ask what it said would take as long as to write it."""
        if path in self._known or layout.is_immutable(path) or carries(path):
            return self.put_all({path: data})
        return self._put(path, data)

    def put_all(self, contents: Mapping[str, bytes]) -> bool:
        """Replace files in their order; those that say the same stay untouched."""
        changed = {path: data for path, data in contents.items() if not self.says(path, data)}
        for path, data in changed.items():
            self._put(path, data)
        return bool(changed)

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

    def put_new(self, path: str, source: Path) -> None:
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

    def copy(self, source: str, path: str) -> None:
        """Have a file also under another path, in place of what is there."""
        self._known.pop(path, None)
        with self._failures(path):
            words, _ = self.objects.about(source)
            self.objects.copy(source, path, headers=headers_of(path), words=words)
        self._listings.lose(path)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        self._known.pop(path, None)
        self._stored.pop(path, None)
        with self._failures(path):
            if carries(path) and self._desk.drop(path):
                self._turns.settle()
                return
            self.objects.delete([path])
        if self._listings.held and not layout.is_immutable(path):
            self._known[path] = (b"", "")
        self._listings.drop(path)

    def retire(self, paths: Iterable[str]) -> None:
        """Write files again as they are: from now on their age is counted anew."""
        for path in paths:
            with self._failures(path):
                self._listings.retire(path)

    def outlast(self, path: str, seconds: float) -> None:
        """Wait until a file is so old, by this machine's own clock if it was written from here."""
        age = time.monotonic() - self._written.get(path, time.monotonic())
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
                yield
                return
            # Not known here is what others have shown meanwhile.
            known = self._known.items()
            self._known = {path: data for path, data in known if layout.is_immutable(path)}
            self._listings.held = True
            try:
                yield
            finally:
                self._listings.forget()

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a directory of this machine; in the bucket nothing is ever half written."""
        with tempfile.TemporaryDirectory(prefix="omnibuild-") as directory:
            yield Path(directory)

    def _put(self, path: str, source: bytes | Path, *, before: str | None = None) -> bool:
        if isinstance(source, bytes) and carries(path) and self._desk.put(path, source):
            with self._failures(path):
                self._turns.settle()
            return True
        digest = digests.of_file(source) if isinstance(source, Path) else digests.of_bytes(source)
        with self._failures(path):
            tag = self.objects.write(
                path, source, headers=headers_of(path), words={SHA256: digest}, before=before
            )
        self._written[path] = time.monotonic()
        if layout.is_immutable(path):
            self._stored[path] = digest
        self._known.pop(path, None)
        if isinstance(source, Path):
            self._listings.lose(path)
        else:
            self._known[path] = (source, tag)
            self._listings.note(path, len(source))
        return True

    def _failures(self, path: str) -> AbstractContextManager[None]:
        return failures(self.place(path))
