"""A repository on a host that is reached by ssh: the same files as in a directory there.

All requests of a publishing go over one connection, whose far end holds the locks: who is killed,
or cut off, holds them no longer than it takes the host to notice. What is written is on its way
while the next is thought about. With a lock come all small files that one starts from.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.events import Emit, Warned
from omnibuild.package.reading import reading
from omnibuild.regular import open_regular
from omnibuild.repository import layout
from omnibuild.repository.targets.ssh.address import Address
from omnibuild.repository.targets.ssh.answers import NONE, Entry, digest_in, entry_of
from omnibuild.repository.targets.ssh.session import Session
from omnibuild.repository.targets.target import KEPT_SECONDS

# The descriptors that hold locks there.
_DESCRIPTORS: Final = {layout.LOCK: "8", layout.SHOWING: "9"}
# Smaller files are sent whole; of others a cut-off upload is gone on with.
_PIECE: Final = 1 << 19


@dataclass
class SshTarget:
    """Files below a directory of a host; the methods are those of :class:`Target`."""

    address: Address
    _open: Session | None = None
    # What is true until a lock ends: contents as they were read or written; nothing: not there.
    _known: dict[str, bytes | None] = field(default_factory=dict)
    # Digests of files that were written from here, as the host confirmed them.
    _digests: dict[str, Digest] = field(default_factory=dict)
    _written: dict[str, float] = field(default_factory=dict)
    _held: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, url: str) -> SshTarget:
        """Return the directory at ``ssh://[user@]host[:port]/path``."""
        return cls(Address.of(url))

    @property
    def session(self) -> Session:
        """The connection, which is made when it is first needed."""
        if self._open is None:
            self._open = Session.open(self.address)
        return self._open

    def place(self, path: str = "") -> str:
        """Return what to call a file in messages, or all of it."""
        return f"{self.address}/{path}".rstrip("/")

    def read(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""
        if path not in self._known:
            self._learn([path])
        content = self._known[path] or b""
        if not self._may_keep(path):
            del self._known[path]
        return content

    def recall(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""
        return self.read(path)

    def distrust(self) -> None:
        """Do nothing: what is known here was read under the lock."""

    def digest(self, path: str) -> Digest:
        """Return the digest of a file; empty when there is none."""
        if path in self._digests:
            return self._digests[path]
        found = digest_in(self.session.ask("digest", path))
        if self._held and layout.is_immutable(path):
            self._digests[path] = found
        return found

    def read_digests(self, paths: Sequence[str]) -> Mapping[str, Digest]:
        """Return the digests of what files hold now: the host reads them, and sends no content."""
        return {path: digest_in(answer) for path, answer in self.session.ask_all("digest", paths)}

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """Yield a file as one of this machine, to be read."""
        with tempfile.TemporaryDirectory(prefix="omnibuild-") as directory:
            file = Path(directory) / path.rpartition("/")[2]
            answer = self.session.ask("read", path)
            with file.open("wb") as stream:
                self.session.follow(0 if answer == NONE else int(answer), stream)
            yield file

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or a directory, or what stands in its place."""
        if self._known.get(path) is not None or self._digests.get(path):
            return True
        return self.session.ask("exists", path) == b"1"

    def names(self, path: str) -> list[str]:
        """List a directory, oldest entry first; empty when there is none."""
        _, entries = self._entries(path)
        return [entry.name for entry in sorted(entries, key=lambda each: (each.time, each.name))]

    def sizes(self, path: str) -> Mapping[str, int]:
        """Return the files of a directory, by their names, and how many bytes they have."""
        _, entries = self._entries(path)
        return {entry.name: entry.size for entry in entries if entry.regular}

    def settled(
        self, directory: str, names: Sequence[str], seconds: float = KEPT_SECONDS
    ) -> list[str]:
        """Return those names of a directory that are as old as no reader in flight can want."""
        now, entries = self._entries(directory) if names else (0, [])
        old = {entry.name for entry in entries if entry.time < now - seconds}
        return [name for name in names if name in old]

    def says(self, path: str, data: bytes) -> bool:
        """Tell whether a file is there and has this content."""
        return path not in self._changed({path: data})

    def put(self, path: str, data: bytes) -> bool:
        """Replace a file in one step; tell whether it said anything else before."""
        return bool(self.put_all({path: data}))

    def put_all(self, contents: Mapping[str, bytes]) -> list[str]:
        """Replace files, one right after the other; those that say the same stay untouched."""
        changed = self._changed(contents)
        for path, data in changed.items():
            self.session.tell("put", path, data=data)
        if changed:
            self._tell("commit")
            self._note(changed)
        return list(changed)

    def put_if(self, path: str, data: bytes, before: bytes) -> bool:
        """Replace a file that still has the content ``before``; empty: that is not there.

        Asked under the lock of who writes there; the host itself compares.
        """
        known = digests.of_bytes(before) if before else NONE.decode()
        same = self.session.ask("swap", path, known, data=data) == b"1"
        self._known.pop(path, None)
        if same:
            self._note({path: data})
        return same

    def put_file(self, path: str, source: Path) -> None:
        """Copy a file of this machine into the repository in one step."""
        with reading(source):
            digest, size = digests.of_file(source), source.stat().st_size
            name = f"{layout.STATE}/uploads/{digest}"
            sent = int(self.session.ask("size", digest)) if size > _PIECE else 0
            if sent > size:
                self.session.tell("remove", name)
                sent = 0
            with open_regular(source) as stream:
                stream.seek(sent)
                for piece in iter(lambda: stream.read(_PIECE), b""):
                    self.session.tell("chunk", digest, data=piece)
        self._tell("place", path, digest)
        self._known.pop(path, None)
        self._digests[path] = digest

    def put_new(self, path: str, source: Path) -> Digest:
        """Copy a file into the repository: whoever publishes holds the lock."""
        self.put_file(path, source)
        return self.digest(path)

    def copy(self, source: str, path: str) -> None:
        """Have a file also under another path, in place of what is there."""
        self._tell("copy", path, source)
        self._forget(path)

    def remove(self, *paths: str) -> None:
        """Remove files or directories."""
        for path in paths:
            self._tell("remove", path)
            self._forget(path)
            self._keep(path, None)

    def retire(self, paths: Iterable[str]) -> None:
        """Count the age of files or directories from now on: readers are about to leave them."""
        for path in paths:
            self._tell("touch", path)

    def outlast(self, path: str, seconds: float) -> None:
        """Wait until a file is so old, by this machine's own clock if it was written from here."""
        self.session.finish()
        age = time.monotonic() - self._written.get(path, time.monotonic())
        time.sleep(max(0.0, seconds - age))

    def drop_retired(
        self, directory: str, names: Sequence[str], keep: int, seconds: float = KEPT_SECONDS
    ) -> None:
        """Remove what no reader in flight can want: neither young nor among the ``keep`` newest."""
        for name in self.settled(directory, names[: max(0, len(names) - keep)], seconds):
            self.remove(f"{directory}/{name}")

    @contextlib.contextmanager
    def locked(self, lock: str, emit: Emit) -> Iterator[None]:
        """Take one's turn: other publishers wait, also those that work on the host itself."""
        descriptor = _DESCRIPTORS[lock]
        if self.session.ask("lock", lock, descriptor) != b"held":
            emit(Warned(f"another publisher holds {self.place()}; waiting for it"))
            self.session.line()
        self._held.append(lock)
        self._drop_what_changes()
        for name in self.session.lines():
            size = self.session.line()
            found = None if size == NONE else self.session.content(int(size))
            self._known[name.decode("utf-8", "surrogateescape")] = found
        try:
            yield
        finally:
            self._held.remove(lock)
            self._drop_what_changes()
            if not self.session.is_over:
                self.session.tell("unlock", descriptor)
                self.session.finish()

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a directory of this machine; who next writes there sweeps what was left there."""
        with tempfile.TemporaryDirectory(prefix="omnibuild-") as directory:
            yield Path(directory)

    def _tell(self, *words: str) -> None:
        """Have something done: at once, or in any case before the lock ends that is held."""
        self.session.tell(*words)
        if not self._held:
            self.session.finish()

    def _learn(self, paths: Sequence[str]) -> None:
        """Read files, all in one round trip."""
        for path, answer in self.session.ask_all("read", paths):
            size = int(answer) if answer != NONE else -1
            self._known[path] = self.session.content(size) if size >= 0 else None

    def _changed(self, contents: Mapping[str, bytes]) -> dict[str, bytes]:
        """Return what is not so."""
        # To ask of a record is to write it.
        unknown = [p for p in contents if p not in self._known and not layout.is_record(p)]
        found = self.read_digests(unknown)
        changed = {}
        for path, data in contents.items():
            if path in found and found[path] == digests.of_bytes(data):
                self._keep(path, data)
            elif path in found or self._known.get(path) != data:
                changed[path] = data
        return changed

    def _note(self, written: Mapping[str, bytes]) -> None:
        for path, data in written.items():
            self._digests.pop(path, None)
            self._written[path] = time.monotonic()
            self._keep(path, data)

    def _keep(self, path: str, content: bytes | None) -> None:
        if self._may_keep(path):
            self._known[path] = content
        else:
            self._known.pop(path, None)

    def _may_keep(self, path: str) -> bool:
        """Tell whether nobody else changes a file before this publisher looks at it again.

        Who shows a repository to its readers alone writes what they read; who has the other lock,
        the head.
        """
        lock = layout.LOCK if path == layout.HEAD else layout.SHOWING
        return layout.is_immutable(path) or lock in self._held

    def _drop_what_changes(self) -> None:
        self._known = {
            path: content
            for path, content in self._known.items()
            if layout.is_immutable(path) and content is not None
        }
        self._digests = {}

    def _forget(self, path: str) -> None:
        for known in (self._known, self._digests):
            for each in [each for each in known if f"{each}/".startswith(f"{path}/")]:
                del known[each]

    def _entries(self, directory: str) -> tuple[int, list[Entry]]:
        """Return the time there, and what is in a directory."""
        now = int(self.session.ask("list", directory))
        entries = [entry_of(line) for line in self.session.lines()]
        return now, [each for each in entries if not each.name.startswith(".tmp-omnibuild-")]
