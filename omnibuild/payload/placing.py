"""Placing: files compiled for one long logical prefix move into an app's own directory.

Every component is compiled for :data:`LOGICAL_PREFIX`, so that all apps share it. Placing
replaces that prefix without changing the length of anything binary; what cannot be replaced
(a constant that the compiler took apart) is refused when the component is captured.
"""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from msgspec.structs import replace

from omnibuild import digests, elf
from omnibuild.errors import DefinitionError, RelocationError
from omnibuild.files import storage_errors
from omnibuild.payload.symbols import Ids, ids_in, is_symbols, renamed, with_ids
from omnibuild.tree import Entry, Kind, Tree

MOTIF = "/omb"
LOGICAL_PREFIX = MOTIF * 16

_MOTIF = MOTIF.encode()
_PREFIX = LOGICAL_PREFIX.encode()

# Compilers cut constants into pieces of 16, 8 or 4 bytes, so in machine code one motif is a
# trace of the prefix. Elsewhere nobody cuts, and four bytes are also the start of "/ombudsman".
_CODE = (elf.MAGIC, b"!<arch>\n")
_SHORTEST_FRAGMENT = 2 * len(_MOTIF)


@dataclass(frozen=True, slots=True)
class References:
    """Where a file names the logical prefix: offsets of it whole, and of pieces of it."""

    whole: tuple[int, ...] = ()
    fragments: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.whole or self.fragments)


def references(data: bytes) -> References:
    """Find the logical prefix and pieces of it in a file's content.

    Any seven bytes of the prefix hold the motif from its slash on, so one search finds all.
    """
    offset = data.find(_MOTIF)
    if offset < 0:
        return References()
    shortest = len(_MOTIF) if data.startswith(_CODE) else _SHORTEST_FRAGMENT
    whole, fragments, end = [], [], 0
    while offset >= 0:
        if data.startswith(_PREFIX, offset):
            whole.append(offset)
            end = offset + len(_PREFIX)
        else:
            start, stop = _fragment(data, offset, end)
            if stop - start >= shortest:
                fragments.append(start)
            end = stop
        offset = data.find(_MOTIF, end)
    return References(tuple(whole), tuple(fragments))


def _fragment(data: bytes, offset: int, floor: int) -> tuple[int, int]:
    """Return the bounds of the piece of the endless motif around the one at ``offset``."""
    start, stop = offset, offset + len(_MOTIF)
    while start > max(floor, offset - 3) and data[start - 1] == _MOTIF[start - 1 - offset]:
        start -= 1
    while stop < len(data) and data[stop] == _MOTIF[(stop - offset) % len(_MOTIF)]:
        stop += 1
    return start, stop


def check_capture(root: Path, tree: Tree) -> None:
    """Refuse a component whose files hold pieces of the prefix that placing could not replace.

    Raises :class:`RelocationError`, which lists every one.
    """
    faults = []
    for entry in tree.entries:
        if is_symbols(entry.path):
            continue  # Compressed: whatever is found there is chance.
        if references(os.fsencode(entry.path)):
            faults.append(f"{entry.path}: the prefix is repeated below the prefix")
        if references(os.fsencode(_relative_symlink(entry))):
            faults.append(f"{entry.path}: symlink to {entry.target}")
        if entry.kind is not Kind.FILE:
            continue
        found = references(_read(f"{root}/{entry.path}"))
        faults += [f"{entry.path}: offset {offset:#x}" for offset in found.fragments]
    if faults:
        raise RelocationError(
            "files keep pieces of the build prefix that cannot be replaced",
            why=_some(faults),
            hint="in machine code the compiler took a constant path apart: compile that source"
            " file with -Os, which keeps it whole",
        )


def place_file(data: bytes, prefix: str, path: str) -> bytes:
    """Return the content of a file for an app in ``prefix``, as ``/opt/hello``.

    Text gets the plain prefix, and pkg-config files the way from themselves to the prefix.
    Everything else keeps its length: runpaths start from ``path``, which is relative to the
    prefix, and other mentions of the prefix are padded with slashes.
    """
    if elf.machine_of(data[:20]) is not None:
        data = _relative_runpath(data, path)
    elif is_text(data):
        below = _from_here(path) if path.endswith(".pc") else prefix
        return data.replace(_PREFIX, below.encode())
    return data.replace(_PREFIX, prefix.encode().ljust(len(_PREFIX), b"/"))


def is_text(data: bytes) -> bool:
    """Tell whether the content is text: UTF-8 without a NUL byte."""
    if b"\0" in data:
        return False
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _from_here(path: str) -> str:
    """Return the prefix as pkg-config finds it from the place of its own file."""
    return f"${{pcfiledir}}/{_from_directory_of(path, '.')}"


def _relative_runpath(data: bytes, path: str) -> bytes:
    """Make the runpath of an ELF file start from the file itself, in the space it has."""
    try:
        parsed = elf.parse(data)
        if parsed is None or parsed.runpath_offset is None:
            return data
        written = parsed.search_path
        entries = [_from_origin(entry, path) for entry in written]
        if entries == list(written):
            return data
        shared = elf.runpath_is_shared(data, parsed)
    except elf.ElfError as error:
        raise RelocationError(f"{path} names the build prefix and is damaged: {error}") from error
    offset, length = parsed.runpath_offset
    runpath = os.fsencode(":".join(dict.fromkeys(entries)))
    if shared or len(runpath) > length:
        raise RelocationError(
            f"the runpath of {path} cannot be rewritten in place",
            why=f"from {':'.join(written)}\nto {os.fsdecode(runpath)}\n"
            + ("another name in the file ends in the same letters" if shared else "it is longer"),
            hint="let the runpath end with a slash, as no name does: -Wl,-rpath,$PREFIX/lib/"
            if shared
            else "",
        )
    return data[:offset] + runpath.ljust(length, b"\0") + data[offset + length :]


def _from_origin(entry: str, path: str) -> str:
    below = _below_prefix(entry)
    if below is None:
        return entry
    way = _from_directory_of(path, below)
    return "$ORIGIN" if way == "." else f"$ORIGIN/{way}"


def _relative_symlink(entry: Entry) -> str:
    below = _below_prefix(entry.target)
    return entry.target if below is None else _from_directory_of(entry.path, below)


def _below_prefix(path: str) -> str | None:
    """Return an absolute path relative to the logical prefix, None if it is not below that."""
    if path != LOGICAL_PREFIX and not path.startswith(f"{LOGICAL_PREFIX}/"):
        return None
    return posixpath.normpath(f"./{path.removeprefix(LOGICAL_PREFIX)}")


def _from_directory_of(path: str, destination: str) -> str:
    """Return the way from a file's directory to another place, both relative to the prefix."""
    return posixpath.relpath(destination, posixpath.dirname(path) or ".")


def place_tree(tree: Tree, source: Path, target: Path, prefix: str) -> Tree:
    """Make ``target`` what the tree in ``source`` is for an app in ``prefix``.

    Args:
        tree: what is in ``source``; its paths are relative to the logical prefix.
        source: the captured files; those that stay as they are get hard links to them.
        target: a scratch directory that the caller commits, new or empty.
        prefix: the app's directory on the host, at most 64 bytes long.

    Returns:
        the placed tree.
    """
    check_prefix(prefix)
    # As texts: a tree has thousands of entries, and a Path of each takes as long as its link.
    work = _Placing(str(source), str(target), prefix, ids_in(tree, prefix))
    with storage_errors(target):
        target.mkdir(parents=True, exist_ok=True)
        placed = [work.place(entry) for entry in tree.entries]
        # Last, since a directory may be one that even its owner must not write to.
        for entry in reversed(tree.entries):
            if entry.kind is Kind.DIRECTORY:
                os.chmod(f"{target}/{entry.path}", entry.mode)
    return Tree.of(placed)


def check_prefix(prefix: str) -> None:
    """Raise :class:`DefinitionError` unless files can be placed into ``prefix``."""
    size = len(prefix.encode())
    if size > len(_PREFIX):
        raise DefinitionError(
            f"the directory {prefix} is too long: {size} bytes, at most {len(_PREFIX)}",
            hint="choose a shorter name for the app",
        )
    if not prefix.startswith("/") or prefix != posixpath.normpath(prefix):
        raise DefinitionError(f"{prefix!r} is not an absolute, normal path")


@dataclass(frozen=True, slots=True)
class _Placing:
    source: str
    target: str
    prefix: str
    ids: Ids

    def place(self, entry: Entry) -> Entry:
        target = f"{self.target}/{entry.path}"
        if entry.kind is Kind.DIRECTORY:
            with contextlib.suppress(FileExistsError):
                os.mkdir(target, 0o700)
            return entry
        if entry.kind is Kind.SYMLINK:
            entry = replace(entry, target=_relative_symlink(entry))
            os.symlink(entry.target, target)
            return entry
        if entry.kind is Kind.HARDLINK:
            return self._place_hard_link(entry, target)
        data = _read(f"{self.source}/{entry.path}")
        if is_symbols(entry.path):
            entry = renamed(entry, self.ids)
            return self._rewrite(entry, with_ids(data, self.ids), f"{self.target}/{entry.path}")
        placed = self._placed(data, entry.path)
        if placed is not data:
            return self._rewrite(entry, placed, target)
        link_or_copy(f"{self.source}/{entry.path}", target, entry.mode)
        return entry

    def _place_hard_link(self, entry: Entry, target: str) -> Entry:
        """Keep the link, unless the two names stand in places that need other runpaths."""
        data = _read(f"{self.source}/{entry.target}")
        if _PREFIX in data:
            data = self._placed(data, entry.path)
            if data != _read(f"{self.target}/{entry.target}"):
                return self._rewrite(replace(entry, kind=Kind.FILE, target=""), data, target)
        os.link(f"{self.target}/{entry.target}", target)
        return entry

    def _placed(self, data: bytes, path: str) -> bytes:
        if _PREFIX in data:
            data = place_file(data, self.prefix, path)
        return with_ids(data, self.ids)

    def _rewrite(self, entry: Entry, data: bytes, target: str) -> Entry:
        Path(target).write_bytes(data)
        os.chmod(target, entry.mode)
        return replace(entry, size=len(data), digest=digests.of_bytes(data))


def link_or_copy(source: Path | str, target: Path | str, mode: int) -> None:
    """Give a file a second name; where the file system cannot, copy it."""
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EMLINK, errno.EPERM):
            raise
        shutil.copyfile(source, target)
        os.chmod(target, mode)


def _read(path: str) -> bytes:
    with open(path, "rb", buffering=0) as stream:
        return stream.read()


def _some(lines: Iterable[str], limit: int = 20) -> str:
    listed = list(lines)
    more = [f"and {len(listed) - limit} more"] if len(listed) > limit else []
    return "\n".join(listed[:limit] + more)
