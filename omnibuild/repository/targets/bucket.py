"""A repository in S3, or in a store that speaks its protocol: hosts read it through any web server.

What is published is decided by a conditional write of the head. Who shows it to readers holds a
lease, an object that is made only if it is not there, and that ends by itself when its holder dies.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import IdentityConflictError, RepositoryError, Where
from omnibuild.events import Emit, Warned
from omnibuild.repository import layout
from omnibuild.repository.targets.headers import headers_of
from omnibuild.repository.targets.lease import Lease
from omnibuild.repository.targets.listings import Listings
from omnibuild.repository.targets.target import KEPT_SECONDS
from omnibuild.transfer.bucket import Bucket, ChangedObjectError, Listed
from omnibuild.transfer.objects import MissingObjectError, TransferError, open_bucket

SHA256: Final = "sha256"
# How often who waits asks, in seconds.
_ASKED: Final = 0.5


@dataclass
class BucketTarget:
    """Objects below a prefix; the methods are those of :class:`Target`."""

    objects: Bucket
    # What was read or written: the content, and the tag by which a condition names it.
    _known: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    _written: dict[str, float] = field(default_factory=dict)
    # Digests stored with what never changes.
    _stored: dict[str, Digest] = field(default_factory=dict)
    _listings: Listings = field(init=False)

    def __post_init__(self) -> None:
        self._listings = Listings(self.objects)

    @classmethod
    def of(cls, url: str) -> BucketTarget:
        """Return the bucket at ``s3://bucket/prefix?endpoint=…&region=…``."""
        return cls(open_bucket(url, Bucket))

    def place(self, path: str = "") -> str:
        """Return what to call a file in messages, or all of it."""
        return f"{self.objects.place}/{path}".rstrip("/")

    def read(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""
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

    def _lasts(self, path: str) -> bool:
        """Tell whether a file still is what was read of it, or written."""
        if layout.is_immutable(path):
            return bool(self._known[path][1])
        # While the lease is held nobody else writes what readers see; the head needs none.
        return self._listings.held and path != layout.HEAD

    def digest(self, path: str) -> Digest:
        """Return the digest of a file, which was stored with it; empty when there is none."""
        if path in self._stored:
            return self._stored[path]
        with self._failures(path):
            try:
                words, _ = self.objects.about(path)
            except MissingObjectError:
                return ""
        return words.get(SHA256) or digests.of_bytes(self.read(path))

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """Yield a file as one of this machine, to be read."""
        with tempfile.TemporaryDirectory(prefix="omnibuild-") as directory:
            file = Path(directory) / path.rpartition("/")[2]
            with self._failures(path), file.open("wb") as stream:
                self.objects.get(path, stream, progress=lambda done, total: None)
            yield file

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or a directory."""
        if path in self._known:
            return bool(self._known[path][1])
        with self._failures(path):
            found = (item.name for item in self.objects.listed(path))
            return any(name == path or name.startswith(f"{path}/") for name in found)

    def names(self, path: str) -> list[str]:
        """List a directory, oldest entry first; empty when there is none."""
        newest = self._newest(path)
        return sorted(newest, key=lambda name: (newest[name], name))

    def sizes(self, path: str) -> dict[str, int]:
        """Return the files of a directory, by their names, and how many bytes they have."""
        found = {name[len(path) + 1 :]: each.size for name, each in self._below(path).items()}
        return {name: size for name, size in found.items() if "/" not in name}

    def settled(
        self, directory: str, names: Sequence[str], seconds: float = KEPT_SECONDS
    ) -> list[str]:
        """Return those names of a directory that are as old as no reader in flight can want."""
        newest = self._newest(directory) if names else {}
        young = datetime.now(UTC) - timedelta(seconds=seconds)
        return [name for name in names if newest.get(name, young) < young]

    def says(self, path: str, data: bytes) -> bool:
        """Tell whether a file is there and has this content."""
        if path.startswith(f"{layout.STATE}/") and layout.is_immutable(path):
            # To ask would take as long as to write: what is small, is called after its content.
            return path in self._known and self._known[path][0] == data
        if path not in self._known and layout.is_immutable(path):
            # One listing tells of all files of a state; without a lease it is not kept.
            listed = not self._listings.held or path in self._below(path.rpartition("/")[0])
            return listed and self.digest(path) == digests.of_bytes(data)
        if path not in self._known:
            self.read(path)
        content, tag = self._known.get(path, (b"", ""))
        return bool(tag) and content == data

    def put(self, path: str, data: bytes) -> bool:
        """Replace a file in one step; to ask what it said would take as long as to write it."""
        if path in self._known or layout.is_immutable(path):
            return self.put_all({path: data})
        self._put(path, data)
        return True

    def put_all(self, contents: Mapping[str, bytes]) -> bool:
        """Replace files in their order; those that say the same stay untouched."""
        changed = {path: data for path, data in contents.items() if not self.says(path, data)}
        for path, data in changed.items():
            self._put(path, data)
        return bool(changed)

    def put_if(self, path: str, data: bytes, before: bytes) -> bool:
        """Replace a file that still is what was read of it."""
        content, tag = self._known.get(path, (b"", ""))
        if content != before:
            return False
        try:
            self._put(path, data, before=tag)
        except ChangedObjectError:
            return False
        return True

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
        if self._listings.held and not layout.is_immutable(path):
            self._known[path] = (b"", "")
        with self._failures(path):
            self.objects.delete([path])
        self._listings.drop(path)

    def retire(self, paths: Iterable[str]) -> None:
        """Write files again as they are: from now on their age is counted anew."""
        for path in paths:
            beside = self._below(path.rpartition("/")[0])
            names = [path] if path in beside else [n for n in beside if n.startswith(f"{path}/")]
            with self._failures(path):
                for name in names:
                    self._touch(name, beside[name].size)

    def _touch(self, name: str, size: int) -> None:
        # S3 copies an object to itself only with other words; what is old is read by its name.
        words = {"retired": str(int(time.time()))}
        self.objects.copy(name, name, headers=headers_of(name), words=words)
        self._listings.note(name, size)

    def outlast(self, path: str, seconds: float) -> None:
        """Wait until a file is so old, by this machine's own clock if it was written from here."""
        age = time.monotonic() - self._written.get(path, time.monotonic())
        time.sleep(max(0.0, seconds - age))

    def drop_retired(
        self, directory: str, names: Sequence[str], keep: int, seconds: float = KEPT_SECONDS
    ) -> None:
        """Remove what no reader in flight can want: neither young nor among the ``keep`` newest."""
        old = names[: max(0, len(names) - keep)]
        if not old:
            return
        gone = datetime.now(UTC) - timedelta(seconds=seconds)
        with self._failures(directory):
            entries = self._listings.entries(directory)
            for items in (entries.get(name, []) for name in old):
                if all(item.modified < gone for item in items):
                    self.objects.delete(item.name for item in items)

    @contextlib.contextmanager
    def locked(self, lock: str, emit: Emit) -> Iterator[None]:
        """Hold a lease while readers are shown something; to publish needs no turn here."""
        if lock == layout.LOCK:
            yield
            return
        lease = Lease(self.objects, lock)
        with self._failures(lock):
            if not lease.take():
                emit(Warned(f"another publisher holds {self.place()}; waiting for it"))
                while not lease.take():
                    time.sleep(_ASKED)
        try:
            with lease.kept():
                # Not known here is what others have shown meanwhile.
                self._known = {p: data for p, data in self._known.items() if self._lasts(p)}
                self._listings.held = True
                yield
        finally:
            self._listings.forget()
            with contextlib.suppress(TransferError):
                lease.give_back()

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a directory of this machine; in the bucket nothing is ever half written."""
        with tempfile.TemporaryDirectory(prefix="omnibuild-") as directory:
            yield Path(directory)

    def _newest(self, directory: str) -> dict[str, datetime]:
        """Return when the entries of a directory were last written to, by their names."""
        with self._failures(directory):
            return self._listings.newest(directory)

    def _below(self, directory: str) -> Mapping[str, Listed]:
        """Return the objects of a directory by their names."""
        with self._failures(directory):
            return self._listings.below(directory)

    def _put(self, path: str, source: bytes | Path, *, before: str | None = None) -> None:
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

    @contextlib.contextmanager
    def _failures(self, path: str) -> Iterator[None]:
        """Turn errors of transfers into errors of a repository."""
        try:
            yield
        except ChangedObjectError:
            raise
        except TransferError as error:
            raise RepositoryError(
                "the bucket cannot be used", where=Where(self.place(path)), why=str(error)
            ) from error
