"""A target that notes which files became others under their names: caches may have old ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild.digests import Digest
from omnibuild.events import Emit
from omnibuild.repository import layout
from omnibuild.repository.targets.target import KEPT_SECONDS, Target


@dataclass(frozen=True)
class Noted:
    """Another target; the methods are those of :class:`Target`.

    Args:
        base: the repository.
        changed: the files of readers that were replaced or removed, and never are their content's.
        seen: those and all that were looked at, and were right.
    """

    base: Target
    changed: dict[str, None] = field(default_factory=dict)
    seen: dict[str, None] = field(default_factory=dict)

    def place(self, path: str = "") -> str:
        """Return what to call a file in messages, or all of it."""
        return self.base.place(path)

    def read(self, path: str) -> bytes:
        """Return the content of a file; empty when there is none."""
        return self.base.read(path)

    def recall(self, path: str) -> bytes:
        """Return what a file said when it was last shown to readers; where that is cheaper."""
        return self.base.recall(path)

    def distrust(self) -> None:
        """Have what readers see read anew from now on: somebody may have changed it."""
        self.base.distrust()

    def digest(self, path: str) -> Digest:
        """Return the digest of a file; empty when there is none."""
        return self.base.digest(path)

    def read_digests(self, paths: Sequence[str]) -> Mapping[str, Digest]:
        """Return the digests of what files hold now, by their paths; empty where there is none."""
        return self.base.read_digests(paths)

    def local(self, path: str) -> AbstractContextManager[Path]:
        """Yield a file as one of this machine, to be read."""
        return self.base.local(path)

    def exists(self, path: str) -> bool:
        """Tell whether there is a file or a directory, or what stands in its place."""
        return self.base.exists(path)

    def names(self, path: str) -> list[str]:
        """List a directory, oldest entry first; empty when there is none."""
        return self.base.names(path)

    def sizes(self, path: str) -> Mapping[str, int]:
        """Return the files of a directory, by their names, and how many bytes they have."""
        return self.base.sizes(path)

    def settled(
        self, directory: str, names: Sequence[str], seconds: float = KEPT_SECONDS
    ) -> list[str]:
        """Return those names of a directory that are as old as no reader in flight can want."""
        return self.base.settled(directory, names, seconds)

    def says(self, path: str, data: bytes) -> bool:
        """Tell whether a file is there and has this content."""
        return self.base.says(path, data)

    def put(self, path: str, data: bytes) -> bool:
        """Replace a file in one step; tell whether it said anything else before."""
        changed = self.base.put(path, data)
        self._note([path], changed=changed)
        return changed

    def put_all(self, contents: Mapping[str, bytes]) -> list[str]:
        """Replace files in their order, one right after the other; return those that changed."""
        changed = self.base.put_all(contents)
        self._note(contents, changed=False)
        self._note(changed, changed=True)
        return changed

    def put_if(self, path: str, data: bytes, before: bytes) -> bool:
        """Replace a file that still has the content ``before``."""
        return self.base.put_if(path, data, before)

    def put_file(self, path: str, source: Path) -> None:
        """Copy a file of this machine into the repository in one step."""
        self.base.put_file(path, source)
        self._note([path], changed=True)

    def put_new(self, path: str, source: Path) -> Digest:
        """Do as :meth:`put_file`, where others may be bringing the same file."""
        return self.base.put_new(path, source)

    def copy(self, source: str, path: str) -> None:
        """Have a file also under another path, in place of what is there."""
        self.base.copy(source, path)

    def remove(self, *paths: str) -> None:
        """Remove files, as far as they are there."""
        self.base.remove(*paths)
        self._note(paths, changed=True)

    def retire(self, paths: Iterable[str]) -> None:
        """Count the age of files or directories from now on: readers are about to leave them."""
        self.base.retire(paths)

    def outlast(self, path: str, seconds: float) -> None:
        """Wait until a file is so old: who read its predecessor has then read on."""
        self.base.outlast(path, seconds)

    def drop_retired(
        self, directory: str, names: Sequence[str], keep: int, seconds: float = KEPT_SECONDS
    ) -> None:
        """Remove what no reader in flight can want: neither young nor among the newest."""
        self.base.drop_retired(directory, names, keep, seconds)

    def locked(self, lock: str, emit: Emit) -> AbstractContextManager[None]:
        """Take one's turn: other publishers wait, as far as the place can have them wait."""
        return self.base.locked(lock, emit)

    def scratch(self) -> AbstractContextManager[Path]:
        """Yield a directory of this machine for what is on its way."""
        return self.base.scratch()

    def _note(self, paths: Iterable[str], *, changed: bool) -> None:
        for path in paths:
            if not layout.is_immutable(path) and not path.startswith(f"{layout.STATE}/"):
                self.seen[path] = None
                if changed:
                    self.changed[path] = None
