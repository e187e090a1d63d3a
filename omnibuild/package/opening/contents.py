"""What is in an archive: its tree, and each content once, under its digest.

Nothing is written under a name that an archive chose, so no name can lead anywhere: not links, not
owners, not a path with ``..``.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from omnibuild.errors import PackageError
from omnibuild.sources.extraction import DEEPEST, LARGER, Limits
from omnibuild.tree import Entry, Kind, Tree

LONGEST_PATH = 4096
ROOT = ("root", "root")
# Of a device or a fifo: whatever its own says, it is none of a file that somebody may change.
MODE_OF_SPECIAL = 0o644
# Bytes. Whatever looks into a file reads it whole.
LARGEST_FILE = 2**32 - 1


@dataclass(frozen=True)
class Member:
    """One member of an archive.

    Args:
        path: as the archive says it.
        kind: what it is.
        mode: permission bits.
        target: what a symlink says, or the member that a hard link repeats.
        content: of a file; it is read once, before the next member.
        owner: user and group, as far as the archive says them.
        capabilities: what a program may do without being root, as it is written there.
        special: it is a device, a fifo or a socket; its kind is that of a file, which is empty.
    """

    path: str
    kind: Kind
    mode: int
    target: str = ""
    content: Iterable[bytes] = ()
    owner: tuple[str, str] = ROOT
    capabilities: str = ""
    special: bool = False


class Contents:
    """A private directory that takes an archive's members one after the other.

    Args:
        directory: existing and empty.
        limits: what it takes at most.
    """

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory = directory
        self._limits = limits
        self._size = 0
        self._count = 0
        self._entries: dict[str, Entry] = {}
        # By host path, as in payloads.
        self.owners: dict[str, tuple[str, str]] = {}
        self.capabilities: dict[str, str] = {}
        self.special: set[str] = set()

    def add(self, member: Member) -> str:
        """Take a member; of equal names the last one counts.

        Returns:
            where it is now, relative to the host's ``/``; empty for that itself.

        Raises:
            PackageError: it is what no package can hold, or there is too much of it.
        """
        self._count += 1
        if self._count > self._limits.entries:
            raise PackageError(f"it has more than {self._limits.entries} entries")
        path = clean_path(member.path)
        if not path:
            return path
        entry = Entry(path, member.kind, member.mode & 0o7777, target=member.target)
        if member.kind is Kind.FILE:
            size, digest = self._keep(member)
            entry = replace(entry, size=size, digest=digest)
        elif member.kind is Kind.HARDLINK:
            entry = self._repeated(path, clean_path(member.target))
        self._entries[path] = entry
        self._note_rights(f"/{path}", member)
        return path

    def _note_rights(self, path: str, member: Member) -> None:
        self.owners.pop(path, None)
        self.capabilities.pop(path, None)
        self.special.discard(path)
        if member.owner != ROOT:
            self.owners[path] = member.owner
        if member.capabilities:
            self.capabilities[path] = member.capabilities
        if member.special:
            self.special.add(path)

    def take_away(self, hidden: Callable[[str], bool]) -> None:
        """Forget what is at paths for which ``hidden`` says so."""
        for path in [path for path in self._entries if hidden(path)]:
            del self._entries[path]
            self.special.discard(f"/{path}")

    def tree(self) -> Tree:
        """Return all that was added, with the directories that are only named by what is in them.

        Raises :class:`PackageError` for what cannot be unpacked anywhere.
        """
        for path in list(self._entries):
            for parent in parents(path):
                found = self._entries.setdefault(parent, Entry(parent, Kind.DIRECTORY, 0o755))
                if found.kind in (Kind.FILE, Kind.HARDLINK):
                    raise PackageError(f"{path!r} lies below a file")
        self._lead_with_first_names()
        return Tree.of(self._entries.values())

    def _lead_with_first_names(self) -> None:
        """Let the first name of a file be the file, as in every tree.

        What hard links repeat may be gone, or replaced by a later member of that name.
        """
        groups: dict[tuple[str, str], list[Entry]] = {}
        for entry in self._entries.values():
            if entry.kind is Kind.HARDLINK:
                groups.setdefault((entry.target, entry.digest), []).append(entry)
        for (target, digest), names in groups.items():
            file = self._entries.get(target)
            if file and file.kind is Kind.FILE and file.digest == digest:
                names.append(file)
            first, *others = sorted(names, key=lambda entry: entry.path)
            self._entries[first.path] = replace(first, kind=Kind.FILE, target="")
            for other in others:
                self._entries[other.path] = replace(
                    other, kind=Kind.HARDLINK, target=first.path, size=0, digest=""
                )

    def _repeated(self, path: str, target: str) -> Entry:
        """Return the entry of a hard link; it holds its content until the end."""
        original = self._entries.get(target)
        if original is None or original.kind is Kind.DIRECTORY:
            raise PackageError(f"the hard link {path!r} repeats {target!r}, which is no file in it")
        if original.kind is Kind.SYMLINK:
            return replace(original, path=path)
        if original.kind is Kind.HARDLINK:
            target = original.target
        return replace(original, path=path, kind=Kind.HARDLINK, target=target)

    def _keep(self, member: Member) -> tuple[int, str]:
        digest, size = hashlib.sha256(), 0
        name = self._directory / "new"
        with name.open("wb") as stream:
            for piece in member.content:
                size += len(piece)
                self._size += len(piece)
                if self._size > self._limits.size:
                    raise PackageError(f"it holds more than {self._limits.size} bytes", hint=LARGER)
                if size > LARGEST_FILE:
                    raise PackageError(f"{member.path!r} has more than {LARGEST_FILE} bytes")
                digest.update(piece)
                stream.write(piece)
        os.replace(name, self._directory / digest.hexdigest())
        return size, digest.hexdigest()


def clean_path(path: str) -> str:
    """Return a member's path relative to the host's ``/``; empty for that itself.

    Raises :class:`PackageError` for one that leads out of it, or is too long.
    """
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in path:
        raise PackageError(f"the member {path!r} lies outside of it")
    if len(parts) > DEEPEST or len(path) > LONGEST_PATH:
        raise PackageError(f"the path of {parts[-1]!r} is too deep or too long")
    return "/".join(parts)


def parents(path: str) -> Iterator[str]:
    """Yield the directories above a path, from the lowest on."""
    while path := posixpath.dirname(path):
        yield path
