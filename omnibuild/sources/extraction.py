"""Writing what an archive holds into a directory, with no way out of it.

While files are written there is not one symlink below the directory, so no name can lead
elsewhere. Symlinks come last, and each is followed first, without ever leaving the tree.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from omnibuild.errors import ArchiveError

LATEST_TIME = 2**33

# Deeper trees can be written, but hardly read or removed.
DEEPEST = 250

# As many symlinks as Linux follows in one path.
MOST_SYMLINKS = 40

LARGER = "if it is meant to hold so much, allow it with --max-unpacked"

DIRECTORY_MODE, EXECUTABLE_MODE, FILE_MODE = 0o755, 0o755, 0o644


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold at most; more is taken for an attack.

    Args:
        size: bytes, decompressed.
        entries: files, directories and links.
    """

    size: int = 16 << 30
    entries: int = 1_000_000


class Weighed:
    """What came of an archive so far; raises :class:`ArchiveError` when that gets too much."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._size = 0
        self._entries = 0

    def count(self, name: str) -> None:
        """Add a member."""
        self._entries += 1
        if self._entries > self._limits.entries:
            raise ArchiveError(
                f"the archive has more than {self._limits.entries} entries, {name!r} is one more"
            )

    def add(self, size: int, name: str) -> None:
        """Add bytes of a member."""
        self._size += size
        if self._size > self._limits.size:
            raise ArchiveError(
                f"the archive holds more than {self._limits.size} bytes, {name!r} exceeds them",
                hint=LARGER,
            )


class Extraction:
    """A new directory that takes an archive's members one after the other.

    Args:
        root: an existing, empty directory.
        limits: what it takes at most.

    Attributes:
        latest: the name of the member that came last.
    """

    def __init__(self, root: Path, limits: Limits) -> None:
        self._root = root
        self._weighed = Weighed(limits)
        self.latest = ""
        self._directories: dict[str, float] = {}
        self._symlinks: dict[str, str] = {}

    def directory(self, name: str, mtime: float) -> None:
        """Add a directory."""
        path = self._enter(name)
        if path:
            self._make_directory(path, name)
            self._directories[path] = mtime

    def file(self, name: str, content: Iterable[bytes], *, executable: bool, mtime: float) -> None:
        """Add a regular file."""
        path = self._place(name)
        mode = EXECUTABLE_MODE if executable else FILE_MODE
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        descriptor = os.open(self._root / path, flags, mode)
        with os.fdopen(descriptor, "wb") as stream:
            for chunk in content:
                self._weighed.add(len(chunk), name)
                stream.write(chunk)
            stream.flush()
            os.fchmod(descriptor, mode)
            os.utime(descriptor, ns=_times(mtime))

    def symlink(self, name: str, target: str) -> None:
        """Add a symlink; it is made, and checked, at the end."""
        if target.startswith("/") or not target or "\0" in target:
            raise ArchiveError(f"the archive's symlink {name!r} leads to {target!r}")
        self._symlinks[self._place(name)] = target

    def hard_link(self, name: str, target: str) -> None:
        """Add another name for an earlier member."""
        path = self._place(name)
        try:
            original = "/".join(_parts(target))
        except ArchiveError as error:
            raise ArchiveError(f"the archive's hard link {name!r} leads out", why=target) from error
        if original in self._symlinks:
            self._symlinks[path] = self._symlinks[original]
            return
        if not (self._root / original).is_file():
            raise ArchiveError(f"the archive's hard link {name!r} leads to no file: {target!r}")
        os.link(self._root / original, self._root / path)

    def finish(self) -> Path:
        """Make the symlinks, set the directories' times, and return where the tree is.

        That is the one directory at the top, if there is nothing else at the top.
        """
        top = {path.partition("/")[0] for path in self._symlinks}.union(os.listdir(self._root))
        only = next(iter(top)) if len(top) == 1 else ""
        stripped = f"{only}/" if only in self._directories else ""
        symlinks = {path.removeprefix(stripped): to for path, to in self._symlinks.items()}
        for path in symlinks:
            _check_symlink(path, symlinks)
        tree = self._root / stripped
        for path, target in symlinks.items():
            os.symlink(target, tree / path)
        for path, mtime in self._directories.items():
            os.utime(self._root / path, ns=_times(mtime))
        os.chmod(tree, DIRECTORY_MODE)
        return tree

    def _enter(self, name: str) -> str:
        """Count a member; return its path below the root, empty for the root itself."""
        self.latest = name
        self._weighed.count(name)
        return "/".join(_parts(name))

    def _place(self, name: str) -> str:
        """Make room for a member that is no directory; of equal names the last one counts."""
        path = self._enter(name)
        if not path or path in self._directories:
            raise ArchiveError(f"the archive's member {name!r} has the name of a directory")
        self._make_directory(path.rpartition("/")[0], name)
        if self._symlinks.pop(path, None) is None and os.path.lexists(self._root / path):
            os.unlink(self._root / path)
        return path

    def _make_directory(self, path: str, name: str) -> None:
        """Make a directory with all above it; none of them is anything else."""
        missing = []
        while path and path not in self._directories:
            missing.append(path)
            path = path.rpartition("/")[0]
        for directory in reversed(missing):
            if directory in self._symlinks:
                raise ArchiveError(f"the archive's member {name!r} lies beyond a symlink")
            try:
                os.mkdir(self._root / directory)
            except FileExistsError as error:
                raise ArchiveError(f"the archive's member {name!r} lies beyond a file") from error
            os.chmod(self._root / directory, DIRECTORY_MODE)
            # Until an entry of its own says better, it has the oldest time there is.
            self._directories[directory] = 0


def _check_symlink(path: str, symlinks: Mapping[str, str]) -> None:
    """Follow a symlink step by step; raises when any step lies outside of the tree.

    It is not enough that the last step lies inside: the way there may name the tree itself, or
    what is beside it, and both have other names later.
    """
    here = path.split("/")[:-1]
    ahead = symlinks[path].split("/")[::-1]
    followed = 0
    while ahead:
        part = ahead.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                raise ArchiveError(
                    f"the archive's symlink {path!r} leads out of it: {symlinks[path]!r}"
                )
            here.pop()
            continue
        target = symlinks.get("/".join((*here, part)))
        if target is None:
            here.append(part)
            continue
        ahead += target.split("/")[::-1]
        followed += 1
        if followed > MOST_SYMLINKS:
            raise ArchiveError(f"the archive's symlink {path!r} leads in a circle")


def _parts(name: str) -> list[str]:
    """Split a member's name; raises for names that lead out of the archive, or nowhere useful."""
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if name.startswith("/") or ".." in parts or "\0" in name:
        raise ArchiveError(f"the archive's member {name!r} lies outside of it")
    if len(parts) > DEEPEST:
        raise ArchiveError(f"the archive's member {parts[-1]!r} lies {len(parts)} directories deep")
    return parts


def _times(mtime: float) -> tuple[int, int]:
    """Return access and modification time in nanoseconds, within what file systems hold."""
    nanoseconds = int(min(max(mtime, 0), LATEST_TIME) * 1_000_000_000)
    return nanoseconds, nanoseconds
