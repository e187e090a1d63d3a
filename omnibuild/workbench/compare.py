"""What differs between two outputs, file by file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnibuild.tree import Entry, Kind, Tree

SHOWN_FILES = 20

# Bytes on both sides of the first difference that are shown.
CONTEXT = 24

CHUNK = 1 << 20


@dataclass(frozen=True)
class Difference:
    """One file that is not the same: its path, and in words how it differs."""

    path: str
    how: str

    def __str__(self) -> str:
        return f"{self.path}: {self.how}" if self.path else self.how


def compare_blobs(first: Path, second: Path) -> list[Difference]:
    """Return how two files differ: nothing, or where they start to."""
    how = _content(first, second)
    return [Difference("", how)] if how else []


def compare_trees(
    first: Tree, first_files: Path, second: Tree, second_files: Path
) -> list[Difference]:
    """Return what differs between two trees, by path; at most :data:`SHOWN_FILES` and a count.

    Args:
        first: one list of files.
        first_files: the directory that holds them.
        second: the other list.
        second_files: its directory.
    """
    paths = sorted({*first.by_path, *second.by_path})
    found = [
        difference
        for path in paths
        for difference in _entries(
            first.by_path.get(path), first_files, second.by_path.get(path), second_files
        )
    ]
    shown = found[:SHOWN_FILES]
    if len(found) > SHOWN_FILES:
        shown.append(Difference("", f"and {len(found) - SHOWN_FILES} more"))
    return shown


def _entries(
    first: Entry | None, first_files: Path, second: Entry | None, second_files: Path
) -> Iterator[Difference]:
    if first == second:
        return
    if first is None or second is None:
        entry = first or second
        assert entry is not None  # noqa: S101 - one of two different values is something
        yield Difference(entry.path, f"only in the {'first' if first else 'second'} build")
    elif first.kind is not second.kind:
        yield Difference(first.path, f"a {first.kind}, then a {second.kind}")
    else:
        if first.mode != second.mode:
            yield Difference(first.path, f"mode {first.mode:04o}, then {second.mode:04o}")
        if first.target != second.target:
            yield Difference(first.path, f"says {first.target!r}, then {second.target!r}")
        if first.kind is Kind.FILE and first.digest != second.digest:
            how = _content(first_files / first.path, second_files / second.path)
            yield Difference(first.path, how)


def _content(first: Path, second: Path) -> str:
    """Say where two files differ first, and what is there."""
    position = 0
    with first.open("rb") as left, second.open("rb") as right:
        while True:
            a, b = left.read(CHUNK), right.read(CHUNK)
            if a != b:
                break
            if not a:
                return ""
            position += len(a)
    same = next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    sizes = first.stat().st_size, second.stat().st_size
    grown = f", {sizes[0]} then {sizes[1]} bytes" if sizes[0] != sizes[1] else ""
    cut = slice(max(0, same - CONTEXT), same + CONTEXT)
    return f"content from byte {position + same}{grown}: {a[cut]!r}, then {b[cut]!r}"
