"""A repository as it would be: what is written stays in memory."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.events import Emit
from omnibuild.repository.targets.target import KEPT_SECONDS, Target


@dataclass(frozen=True)
class Rehearsal:
    """Another target, of which nothing is changed; the methods are those of :class:`Target`.

    Args:
        base: the repository.
    """

    base: Target
    # What files would be; nothing for those that would be gone, a path for a copy of another.
    _files: dict[str, bytes | Path | None] = field(default_factory=dict)

    def place(self, path: str = "") -> str:
        """Return what to call a file in messages, or all of it."""
        return self.base.place(path)

    def read(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""
        if path not in self._files:
            return self.base.read(path)
        found = self._files[path]
        return self.base.read(str(found)) if isinstance(found, Path) else found or b""

    def recall(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""
        return self.read(path)

    def distrust(self) -> None:
        """Do nothing: nobody reads this."""

    def digest(self, path: str) -> Digest:
        """Return the digest of a file; empty when there is none."""
        found = self._files.get(path)
        if isinstance(found, bytes):
            return digests.of_bytes(found)
        return "" if path in self._files and not found else self.base.digest(str(found or path))

    def read_digests(self, paths: Sequence[str]) -> Mapping[str, Digest]:
        """Return the digests of what files hold, or would, by their paths."""
        there = [path for path in paths if path not in self._files]
        return {path: self.digest(path) for path in paths if path in self._files} | dict(
            self.base.read_digests(there)
        )

    @contextlib.contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """Yield a file as one of this machine, to be read."""
        found = self._files.get(path)
        if isinstance(found, bytes):
            with self.scratch() as scratch:
                file = scratch / path.rpartition("/")[2]
                file.write_bytes(found)
                yield file
        else:
            with self.base.local(str(found or path)) as file:
                yield file

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or a directory."""
        if path in self._files:
            return self._files[path] is not None
        below = (name for name, found in self._files.items() if found is not None)
        return any(name.startswith(f"{path}/") for name in below) or self.base.exists(path)

    def names(self, path: str) -> list[str]:
        """List a directory, oldest entry first; empty when there is none."""
        gone = {name for name, found in self._below(path).items() if found is None}
        found = [name for name in self.base.names(path) if name not in gone]
        return list(dict.fromkeys([*found, *(n for n in self._below(path) if n not in gone)]))

    def sizes(self, path: str) -> Mapping[str, int]:
        """Return the files of a directory, by their names, and how many bytes they have."""
        found = dict(self.base.sizes(path))
        for name, content in self._below(path).items():
            if content is None:
                found.pop(name, None)
            elif f"{path}/{name}" in self._files:
                found[name] = len(self.read(f"{path}/{name}"))
        return found

    def _below(self, path: str) -> dict[str, bytes | Path | None]:
        """Return what would be in a directory; of one below that: anything that is there."""
        found: dict[str, bytes | Path | None] = {}
        for place, content in self._files.items():
            if place.startswith(f"{path}/"):
                name, slash, _ = place[len(path) + 1 :].partition("/")
                if not slash or content is not None:
                    found[name] = content
        return found

    def settled(
        self, directory: str, names: Sequence[str], seconds: float = KEPT_SECONDS
    ) -> list[str]:
        """Return none: what is old is not removed."""
        del directory, names, seconds
        return []

    def says(self, path: str, data: bytes) -> bool:
        """Tell whether a file is there and has this content."""
        return self.read(path) == data and (bool(data) or self.exists(path))

    def put(self, path: str, data: bytes) -> bool:
        """Take note of what a file would be; tell whether it says anything else now."""
        return bool(self.put_all({path: data}))

    def put_all(self, contents: Mapping[str, bytes]) -> list[str]:
        """Do so for several."""
        changed = {path: data for path, data in contents.items() if not self.says(path, data)}
        self._files.update(changed)
        return list(changed)

    def put_if(self, path: str, data: bytes, before: bytes) -> bool:
        """Do so if a file has the content ``before``."""
        return self.read(path) == before and (self.put(path, data) or True)

    def put_file(self, path: str, source: Path) -> None:
        """Take note of a small file of this machine."""
        self._files[path] = source.read_bytes()

    def put_new(self, path: str, source: Path) -> Digest:
        """Do the same."""
        self.put_file(path, source)
        return self.digest(path)

    def copy(self, source: str, path: str) -> None:
        """Take note that a file would be also under another path."""
        self._files[path] = self._files[source] if source in self._files else Path(source)

    def remove(self, *paths: str) -> None:
        """Take note that files would be gone."""
        self._files.update(dict.fromkeys(paths))

    def retire(self, paths: Iterable[str]) -> None:
        """Do nothing: nobody reads this."""

    def outlast(self, path: str, seconds: float) -> None:
        """Do nothing: nobody reads this."""

    def drop_retired(
        self, directory: str, names: Sequence[str], keep: int, seconds: float = KEPT_SECONDS
    ) -> None:
        """Do nothing: what is old stays."""

    def locked(self, lock: str, emit: Emit) -> AbstractContextManager[None]:
        """Take no turn: nothing is changed."""
        del lock, emit
        return contextlib.nullcontext()

    @contextlib.contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield a directory of this machine."""
        with tempfile.TemporaryDirectory(prefix="omnibuild-") as directory:
            yield Path(directory)
