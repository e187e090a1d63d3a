"""What a store holds: every object, record and leftover, when it was used and what it takes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from omnibuild import files
from omnibuild.store.store import LIST_FILE, Store

# In units of which the kernel counts what a file takes on disk.
BLOCK_BYTES = 512


class Held(StrEnum):
    """What something in the store is."""

    TREE = "trees"
    BLOB = "blobs"
    PARTIAL = "unfinished downloads"
    FAILED = "failed sandboxes"
    RESULT = "results"
    DOCUMENT = "key documents"
    ACTION = "last runs"
    LOG = "logs"
    DELIVERED = "deliveries"
    SEARCHED = "searches"
    SCRATCH = "scratch"


# Directory of the store: what lies in it, and how many directories above.
_PLACES = {
    "trees": (Held.TREE, 1),
    "blobs": (Held.BLOB, 1),
    "failed": (Held.FAILED, 0),
    "results": (Held.RESULT, 1),
    "documents": (Held.DOCUMENT, 1),
    "actions": (Held.ACTION, 0),
    "logs": (Held.LOG, 0),
    "delivered": (Held.DELIVERED, 0),
    "searched": (Held.SEARCHED, 0),
    "scratch": (Held.SCRATCH, 0),
}

PARTIAL_SUFFIX = ".part"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing in the store.

    Args:
        held: what it is.
        path: where it is.
        used: when it was last used, in nanoseconds since 1970.
        inodes: the files and directories it consists of.
    """

    held: Held
    path: Path
    used: int
    inodes: tuple[int, ...]

    @property
    def name(self) -> str:
        """Its digest, key or name."""
        return self.path.name.removesuffix(".json")


@dataclass(frozen=True)
class Inventory:
    """Everything in a store.

    Args:
        items: in no particular order.
        sizes: bytes on disk of every inode; files are shared between trees by hard links.
    """

    items: tuple[Item, ...]
    sizes: Mapping[int, int]

    def size(self, items: Iterable[Item]) -> int:
        """Return the bytes on disk of some items, what they share counted once."""
        return sum(self.sizes[inode] for inode in {i for item in items for i in item.inodes})

    def of(self, *kinds: Held) -> list[Item]:
        """Return the items of some kinds."""
        return [item for item in self.items if item.held in kinds]


def take_inventory(store: Store) -> Inventory:
    """Look at everything in the store; what vanishes meanwhile is left out."""
    sizes: dict[int, int] = {}
    items = []
    with files.storage_errors(store.root):
        for name, (held, depth) in _PLACES.items():
            for entry in _entries(store.root / name, depth):
                try:
                    items.append(_item(held, entry, sizes))
                except FileNotFoundError:
                    continue
    return Inventory(tuple(items), sizes)


def last_used(item_path: Path, held: Held) -> int:
    """Return the time of what tells when an item was used, in nanoseconds."""
    marked = item_path / LIST_FILE if held is Held.TREE else item_path
    try:
        return os.stat(marked).st_mtime_ns
    except FileNotFoundError:
        # A tree without its list is of no use to anybody.
        return os.stat(item_path).st_mtime_ns


def _entries(directory: Path, depth: int) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            entries = list(found)
    except FileNotFoundError:
        return
    for entry in entries:
        if depth and entry.is_dir():
            yield from _entries(Path(entry.path), depth - 1)
        elif not depth:
            yield entry


def _item(held: Held, entry: os.DirEntry[str], sizes: dict[int, int]) -> Item:
    path = Path(entry.path)
    if entry.name.startswith(files.TEMPORARY_PREFIX):
        held = Held.SCRATCH
    elif held is Held.BLOB and entry.name.endswith(PARTIAL_SUFFIX):
        held = Held.PARTIAL
    used = last_used(path, held)
    return Item(held, path, used, tuple(_measure(entry, sizes)))


def _measure(entry: os.DirEntry[str], sizes: dict[int, int]) -> Iterator[int]:
    """Yield the inodes of a file, or of a directory and all below, and note their sizes."""
    status = entry.stat(follow_symlinks=False)
    sizes[status.st_ino] = status.st_blocks * BLOCK_BYTES
    yield status.st_ino
    if entry.is_dir(follow_symlinks=False):
        with os.scandir(entry.path) as entries:
            for below in entries:
                yield from _measure(below, sizes)
