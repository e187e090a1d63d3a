"""Garbage collection: what was not used for long goes, what somebody uses stays."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from omnibuild import files
from omnibuild.store.inventory import Held, Inventory, Item, last_used, take_inventory
from omnibuild.store.store import Store

DAY = 24 * 3600.0
DEFAULT_AGE = 30 * DAY
DEFAULT_FAILED_AGE = 7 * DAY

# What can be made, or fetched, again.
OBJECTS = (Held.TREE, Held.BLOB, Held.PARTIAL)
# Small, and worth having for longer than objects: they go by age only.
RECORDS = (
    *(Held.RESULT, Held.DOCUMENT, Held.ACTION, Held.LOG),
    *(Held.DELIVERED, Held.SEARCHED),
)

_NANO = 1e9


@dataclass(frozen=True)
class Limits:
    """What may stay.

    Args:
        size: bytes on disk that the store may take; None: any.
        age: seconds since the last use, before which nothing goes; None: any.
    """

    size: int | None = None
    age: float | None = None


@dataclass(frozen=True)
class Collected:
    """What a collection did, or would do.

    Args:
        removed: how many of each kind.
        freed: bytes on disk.
        kept: bytes on disk that remain.
        in_use: how many objects stayed because a running command may use them.
    """

    removed: dict[Held, int]
    freed: int
    kept: int
    in_use: int


def collect(store: Store, limits: Limits, *, dry_run: bool = False) -> Collected:
    """Remove what was not used for long, least recently used first.

    Without a size, everything older than the age goes; with one, only until the store is that
    small. Nothing goes that was used since the oldest running command started.

    Args:
        store: the store.
        limits: what may stay.
        dry_run: change nothing.
    """
    if not dry_run:
        store.collect_scratch()
    with store.leases.deciding():
        started = store.leases.oldest_start()
    inventory = take_inventory(store)
    victims, in_use = _victims(inventory, limits, started)
    if not dry_run:
        _remove_locks(store)
        victims = _remove(store, victims)
    gone = {item.path for item in victims}
    total = inventory.size(inventory.items)
    kept = inventory.size(item for item in inventory.items if item.path not in gone)
    removed = Counter(item.held for item in victims)
    return Collected(dict(removed), total - kept, kept, in_use)


def _victims(inventory: Inventory, limits: Limits, started: int | None) -> tuple[list[Item], int]:
    """Return what goes, and how many objects would if no command were running."""
    now = time.time_ns()

    def before(age: float) -> int:
        return now - int(age * _NANO)

    by_age = [i for i in inventory.of(*OBJECTS) if i.used < before(limits.age or 0.0)]
    free = [item for item in by_age if _is_free(item, started)]
    objects = sorted(free, key=lambda item: item.used)
    if limits.size is not None:
        objects = _until_small(inventory, objects, limits.size)
    failed_age = DEFAULT_FAILED_AGE if limits.age is None else limits.age
    failed = _older(inventory.of(Held.FAILED), before(failed_age), started)
    records = []
    if limits.age is not None:
        records = _older(inventory.of(*RECORDS), before(limits.age), started)
    return [*objects, *failed, *records], len(by_age) - len(free)


def _is_free(item: Item, started: int | None) -> bool:
    """Tell whether no command uses an item, the oldest of which started then."""
    if started is None:
        return True
    # A command that continues an old download marks nothing: then all of them stay.
    return item.used < started and item.held is not Held.PARTIAL


def _older(items: Iterable[Item], limit: int, started: int | None) -> list[Item]:
    return [item for item in items if item.used < limit and _is_free(item, started)]


def _until_small(inventory: Inventory, objects: Iterable[Item], size: int) -> list[Item]:
    """Return as many of the first objects as must go for the rest to be small enough."""
    holders = Counter(inode for item in inventory.items for inode in set(item.inodes))
    total = inventory.size(inventory.items)
    going = []
    for item in objects:
        if total <= size:
            break
        going.append(item)
        for inode in set(item.inodes):
            holders[inode] -= 1
            if not holders[inode]:
                total -= inventory.sizes[inode]
    return going


def _remove(store: Store, victims: Collection[Item]) -> list[Item]:
    """Take the victims away that nobody has used since they were looked at."""
    removed = []
    with store.scratch() as scratch, store.leases.deciding():
        # A command may have started, and taken things, before they were looked at.
        started = store.leases.oldest_start()
        for number, item in enumerate(victims):
            if not _is_free(item, started):
                continue
            with contextlib.suppress(FileNotFoundError):
                if last_used(item.path, item.held) == item.used:
                    item.path.rename(scratch / str(number))
                    removed.append(item)
        # Leaving the block deletes them, and nobody has to wait for that.
    return removed


def _remove_locks(store: Store) -> None:
    """Remove the files of locks that nobody holds."""
    for path in (store.root / "locks").iterdir():
        # The one that marks and decisions exclude each other by is never removed.
        if path != store.leases.collect_lock:
            with contextlib.suppress(OSError), files.unused(path):
                path.unlink()
