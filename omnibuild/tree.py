"""File trees as data: what a directory holds, and one digest for all of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from omnibuild import digests
from omnibuild.digests import Digest

# What Linux follows.
SYMLINKS_AT_MOST = 40


class Kind(StrEnum):
    """What an entry is."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    HARDLINK = "hardlink"


class Entry(msgspec.Struct, frozen=True, order=True, gc=False):
    """One entry of a tree.

    Args:
        path: relative POSIX path without a leading slash or ``..``.
        kind: file, directory, symlink, or hard link to an earlier file of the same tree.
        mode: permission bits including setuid, setgid and sticky; 0o777 for symlinks.
        size: bytes of content, for files.
        digest: SHA-256 of the content, for files.
        target: what a symlink says, or the tree path of the file a hard link repeats.
    """

    path: str
    kind: Kind
    mode: int
    size: int = 0
    digest: Digest = ""
    target: str = ""

    @property
    def executable(self) -> bool:
        """Whether anybody may execute it."""
        return bool(self.mode & 0o111)


@dataclass(frozen=True)
class Tree:
    """A sorted list of entries; parents come before children."""

    entries: tuple[Entry, ...]

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Tree:
        """Make a tree from entries in any order."""
        return cls(tuple(sorted(entries, key=lambda entry: entry.path)))

    @classmethod
    def from_data(cls, data: Iterable[dict[str, Any]]) -> Tree:
        """Read what :meth:`to_data` wrote."""
        return cls(msgspec.convert(data, tuple[Entry, ...]))

    def to_data(self) -> list[dict[str, Any]]:
        """Return plain JSON values; fields that do not apply are left out."""
        return [_entry_data(entry) for entry in self.entries]

    @cached_property
    def digest(self) -> Digest:
        """The digest of the whole list: equal trees, equal digests."""
        return digests.of_json(self.to_data())

    @cached_property
    def by_path(self) -> dict[str, Entry]:
        """The entries by their path."""
        return {entry.path: entry for entry in self.entries}

    @property
    def size(self) -> int:
        """Bytes of all files, hard links counted once."""
        return sum(entry.size for entry in self.entries)

    def files(self) -> Iterator[Entry]:
        """Yield the regular files, without hard links to them."""
        return (entry for entry in self.entries if entry.kind is Kind.FILE)

    def find(self, path: str) -> Entry | None:
        """Return what a path leads to, through symlinks; None if it leads nowhere in the tree.

        Args:
            path: relative to the tree or absolute, with the tree as root.
        """
        waiting, real, followed = _steps(path), list[str](), 0
        while waiting:
            step = waiting.pop(0)
            if step == "..":
                del real[-1:]
                continue
            entry = self.by_path.get("/".join([*real, step]))
            if entry is None or followed > SYMLINKS_AT_MOST:
                return None
            if entry.kind is Kind.SYMLINK:
                followed += 1
                waiting[:0] = _steps(entry.target)
                if entry.target.startswith("/"):
                    real.clear()
            else:
                real.append(step)
        found = self.by_path.get("/".join(real))
        return self.by_path[found.target] if found and found.kind is Kind.HARDLINK else found


def _steps(path: str) -> list[str]:
    return [step for step in path.split("/") if step not in ("", ".")]


def directories_above(paths: Iterable[str]) -> set[str]:
    """Return all directories above some relative paths."""
    found: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in found:
            found.add(parent)
            parent = parent.rpartition("/")[0]
    return found


def _entry_data(entry: Entry) -> dict[str, Any]:
    """Return an entry's JSON values; trees have thousands, so without ``asdict``."""
    data: dict[str, Any] = {"path": entry.path, "kind": entry.kind.value, "mode": entry.mode}
    if entry.size:
        data["size"] = entry.size
    if entry.digest:
        data["digest"] = entry.digest
    if entry.target:
        data["target"] = entry.target
    return data


def scan(
    root: Path | str, digest_of: Callable[[str, os.stat_result], Digest] | None = None
) -> Tree:
    """Read a directory into a tree.

    Args:
        root: the directory.
        digest_of: returns the digest of the file with that path and status, for a caller that
            knows some already; every file is read when omitted.

    Owners and times are not part of a tree. Devices, sockets and fifos raise ``ValueError``.
    Names that are not UTF-8 are kept by ``surrogateescape``.
    """
    first_names: dict[tuple[int, int], str] = {}
    # In the tree's own order, so that a hard link's target is an earlier entry.
    return Tree(
        tuple(
            _entry(path, item, first_names, digest_of or _read)
            for path, item in sorted(_walk(str(root)), key=lambda found: found[0])
        )
    )


def _walk(root: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    below = [""]
    while below:
        prefix = below.pop()
        with os.scandir(f"{root}/{prefix}") as items:
            for item in items:
                path = prefix + item.name
                if item.is_dir(follow_symlinks=False):
                    below.append(f"{path}/")
                yield path, item


def _read(path: str, _status: os.stat_result) -> Digest:
    return digests.of_file(path)


def _entry(
    path: str,
    item: os.DirEntry[str],
    first_names: dict[tuple[int, int], str],
    digest_of: Callable[[str, os.stat_result], Digest],
) -> Entry:
    status = item.stat(follow_symlinks=False)
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return Entry(path, Kind.SYMLINK, 0o777, target=os.readlink(item.path))
    if stat.S_ISDIR(status.st_mode):
        return Entry(path, Kind.DIRECTORY, mode)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"{path} is neither a file, a directory nor a symlink")
    if status.st_nlink > 1:
        first = first_names.setdefault((status.st_dev, status.st_ino), path)
        if first != path:
            return Entry(path, Kind.HARDLINK, mode, target=first)
    return Entry(path, Kind.FILE, mode, status.st_size, digest_of(item.path, status))
