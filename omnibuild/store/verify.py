"""Verification: every object is read again, and what is damaged goes, so that it is made again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.store.check import differences
from omnibuild.store.inventory import Held, Inventory, Item, take_inventory
from omnibuild.store.results import read_record
from omnibuild.store.store import LIST_FILE, Store, read_list
from omnibuild.tree import scan


@dataclass(frozen=True)
class Damage:
    """Something in the store that is not what it should be.

    Args:
        item: what it was; it is not there any more.
        why: what is wrong with it.
    """

    item: Item
    why: str


@dataclass(frozen=True)
class Verified:
    """What a verification found.

    Args:
        damaged: what was wrong, now removed.
        forgotten: keys of actions that were made from something damaged: their results may be
            wrong with no sign of it, so they run again.
        objects: how many blobs and trees were read.
        size: bytes on disk of those.
    """

    damaged: tuple[Damage, ...]
    forgotten: tuple[Digest, ...]
    objects: int
    size: int


def verify(store: Store, cores: int, progress: Callable[[int, int], None]) -> Verified:
    """Read everything in the store and remove what is damaged.

    Args:
        store: the store.
        cores: how many objects are read side by side.
        progress: takes bytes done and bytes in total, in the calling thread.
    """
    store.collect_scratch()
    inventory = take_inventory(store)
    objects = inventory.of(Held.BLOB, Held.TREE)
    damaged = _check_all(inventory, objects, cores, progress)
    for item in inventory.of(*_RECORDS):
        damaged += _check(item, _RECORDS[item.held])
    _remove(store, damaged)
    forgotten = _made_from(inventory, [damage.item for damage in damaged])
    store.discard(*(item.path for item in forgotten))
    keys = tuple(sorted(item.name for item in forgotten))
    return Verified(tuple(damaged), keys, len(objects), inventory.size(objects))


def _check_all(
    inventory: Inventory, objects: Iterable[Item], cores: int, progress: Callable[[int, int], None]
) -> list[Damage]:
    sizes = {item: inventory.size([item]) for item in objects}
    total, done = sum(sizes.values()), 0
    found = []
    with ThreadPoolExecutor(cores) as pool:
        # The biggest first: none of them is then alone at the end.
        ordered = sorted(sizes, key=lambda item: -sizes[item])
        futures = {pool.submit(_check, item, _OBJECTS[item.held]): item for item in ordered}
        try:
            for future in as_completed(futures):
                found += future.result()
                done += sizes[futures[future]]
                progress(done, total)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return sorted(found, key=lambda damage: damage.item.path)


def _check(item: Item, fault: Callable[[Item], str]) -> list[Damage]:
    try:
        why = fault(item)
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"it cannot be read: {error}"
    # A collector may have taken it away meanwhile.
    return [Damage(item, why)] if why and item.path.exists() else []


def _blob_fault(item: Item) -> str:
    found = digests.of_file(item.path)
    return "" if found == item.name else f"its content has the digest {found}"


def _tree_fault(item: Item) -> str:
    listed = read_list(item.name, (item.path / LIST_FILE).read_bytes())
    return differences(listed, scan(item.path / "files"))


def _result_fault(item: Item) -> str:
    read_record(item.name, item.path.read_bytes())
    return ""


def _document_fault(item: Item) -> str:
    found = digests.of_json(json.loads(item.path.read_bytes()))
    return "" if found == item.name else "its content has another digest"


def _action_fault(item: Item) -> str:
    # Of any release: a note that is only old explains nothing, and is not damaged.
    return "" if isinstance(json.loads(item.path.read_bytes()), dict) else "it is no note"


_OBJECTS = {Held.BLOB: _blob_fault, Held.TREE: _tree_fault}
_RECORDS = {
    Held.RESULT: _result_fault,
    Held.DOCUMENT: _document_fault,
    Held.ACTION: _action_fault,
}


def _remove(store: Store, damaged: Iterable[Damage]) -> None:
    paths = [damage.item.path for damage in damaged]
    with store.leases.deciding():
        store.discard(*paths)


def _made_from(inventory: Inventory, damaged: Iterable[Item]) -> list[Item]:
    """Return the results of actions that damaged objects went into, directly or through others."""
    inputs = {item.name: _inputs(item.path) for item in inventory.of(Held.DOCUMENT)}
    results = {item.name: item for item in inventory.of(Held.RESULT)}
    outputs = {key: _outputs(key, item.path) for key, item in results.items()}
    suspect = {item.name for item in damaged if item.held in _OBJECTS}
    # A root is known to later actions by its identity.
    suspect |= {digest for names in outputs.values() if names & suspect for digest in names}
    forgotten: dict[Digest, Item] = {}
    while True:
        more = {k for k in results.keys() - forgotten.keys() if inputs.get(k, set()) & suspect}
        if not more:
            return [forgotten[key] for key in sorted(forgotten)]
        forgotten |= {key: results[key] for key in more}
        suspect |= {digest for key in more for digest in outputs[key]}


def _inputs(path: Path) -> set[Digest]:
    try:
        return set(json.loads(path.read_bytes())["inputs"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return set()


def _outputs(key: Digest, path: Path) -> set[Digest]:
    try:
        output = read_record(key, path.read_bytes()).output
    except (OSError, ValueError):
        return set()
    return {output.digest, output.key_digest}
