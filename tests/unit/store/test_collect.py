from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from omnibuild.store import collect as collecting
from omnibuild.store.collect import DAY, Limits, collect
from omnibuild.store.history import LastRun
from omnibuild.store.inventory import Held, Inventory, take_inventory
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store

SIZE = 100_000
KEY = "ab" * 32


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def add_tree(store: Store, contents: Mapping[str, bytes | Path]) -> Output:
    """Store a tree; a path as content becomes a hard link to that file."""
    with store.scratch() as scratch:
        (scratch / "tree/files").mkdir(parents=True)
        for name, content in contents.items():
            if isinstance(content, Path):
                os.link(content, scratch / "tree/files" / name)
            else:
                (scratch / "tree/files" / name).write_bytes(content)
        return store.add_tree(scratch / "tree")


def age(path: Path, days: float) -> None:
    past = time.time_ns() - int(days * DAY * 1e9)
    os.utime(path, ns=(past, past))


def blob(store: Store, content: bytes, days: float) -> Output:
    output = store.add_blob(content)
    age(store.blob(output.digest), days)
    return output


def held(store: Store, *outputs: Output) -> list[bool]:
    return [store.has(output) for output in outputs]


def test_by_age_everything_older_goes(store: Store) -> None:
    old, young = blob(store, b"old", 31), blob(store, b"young", 29)
    done = collect(store, Limits(age=30 * DAY))
    assert held(store, old, young) == [False, True]
    assert done.removed == {Held.BLOB: 1}
    assert list((store.root / "scratch").iterdir()) == []


def test_by_size_the_least_recently_used_go_first(store: Store) -> None:
    blobs = [blob(store, bytes([n]) * SIZE, days) for n, days in enumerate((3, 9, 1, 7))]
    size = take_inventory(store).size(take_inventory(store).items)
    done = collect(store, Limits(size=size - SIZE - 4096))
    assert held(store, *blobs) == [True, False, True, False]
    assert done.kept <= size - SIZE
    assert done.freed + done.kept == size


def test_size_and_age_together_remove_no_younger_one(store: Store) -> None:
    old, young = blob(store, b"o" * SIZE, 10), blob(store, b"y" * SIZE, 1)
    collect(store, Limits(size=0, age=5 * DAY))
    assert held(store, old, young) == [False, True]


def test_shared_files_count_once(store: Store) -> None:
    first = add_tree(store, {"a": b"x" * SIZE})
    source = store.tree_directory(first.digest) / "a"
    second = add_tree(store, {"b": source})
    inventory = take_inventory(store)
    one, two = inventory.of(Held.TREE)
    assert inventory.size([one, two]) < inventory.size([one]) + inventory.size([two]) - SIZE + 1
    # Removing one of them would free nearly nothing, so both must go.
    for number, output in enumerate((first, second)):
        age(store.tree_directory(output.digest).with_name("tree.json"), 2 - number)
    collect(store, Limits(size=inventory.size(inventory.items) - SIZE))
    assert held(store, first, second) == [False, False]


def test_nothing_is_changed_by_a_dry_run(store: Store) -> None:
    old = blob(store, b"old", 31)
    done = collect(store, Limits(age=30 * DAY), dry_run=True)
    assert done.removed == {Held.BLOB: 1}
    assert store.has(old)


def test_what_a_running_command_took_or_made_stays(store: Store) -> None:
    taken, old = blob(store, b"taken", 50), blob(store, b"old", 50)
    with Store(store.root).lease():
        running = Store(store.root)
        assert running.take(taken)
        made = add_tree(running, {"made": b"1"})
        done = collect(store, Limits(size=0))
        assert held(store, taken, made, old) == [True, True, False]
        assert done.in_use == 2
    collect(store, Limits(size=0))
    assert held(store, taken, made) == [False, False]


def test_what_is_taken_while_the_collector_thinks_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = blob(store, b"wanted", 50)
    victims = collecting._victims

    def slow(*arguments: object) -> object:
        found = victims(*arguments)  # type: ignore[arg-type]
        assert Store(store.root).take(output)
        return found

    monkeypatch.setattr(collecting, "_victims", slow)
    assert collect(store, Limits(size=0)).removed == {}
    assert store.has(output)


def test_what_is_taken_just_before_the_collector_looks_stays(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command started after the collector asked for commands, and before it looked around."""
    output = blob(store, b"wanted", 50)
    running, look = Store(store.root), collecting.take_inventory
    with contextlib.ExitStack() as command:

        def late(store: Store) -> Inventory:
            command.enter_context(running.lease())
            assert running.take(output)
            return look(store)

        monkeypatch.setattr(collecting, "take_inventory", late)
        assert collect(store, Limits(size=0)).removed == {}
    assert store.has(output)


def test_records_go_by_age_only(store: Store) -> None:
    output = blob(store, b"x", 50)
    store.record(KEY, Result(output))
    store.history.remember("one", LastRun(KEY, 1.0, 0.0, {}), {"inputs": {}})
    record = store.root / f"results/ab/{KEY}.json"
    collect(store, Limits(size=0))
    assert not store.has(output)
    assert store.result(KEY) == Result(output)
    for path in (record, *store.root.glob("documents/*/*"), *store.root.glob("actions/*")):
        age(path, 31)
    assert store.result(KEY)  # which marks it
    collect(store, Limits(age=30 * DAY))
    assert record.exists()
    age(record, 31)
    done = collect(store, Limits(age=30 * DAY))
    assert store.result(KEY) is None
    assert done.removed == {Held.RESULT: 1}


def test_failed_sandboxes_go_after_a_week(store: Store) -> None:
    for name, days in (("old", 8), ("young", 6)):
        (store.root / "failed" / name / "build").mkdir(parents=True)
        age(store.root / "failed" / name, days)
    collect(store, Limits(size=10**9))
    assert [p.name for p in (store.root / "failed").iterdir()] == ["young"]


def test_an_unfinished_download_stays_while_a_command_runs(store: Store) -> None:
    part = store.root / "blobs/ab/abc.part"
    part.parent.mkdir()
    part.write_bytes(b"half")
    age(part, 50)
    with Store(store.root).lease():
        collect(store, Limits(size=0))
        assert part.exists()
    collect(store, Limits(size=0))
    assert not part.exists()


def test_lock_files_go_unless_somebody_holds_them(store: Store) -> None:
    for name in ("action-free", "action-held"):
        with store.lock(name):
            pass
    with store.lock("action-held"):
        collect(store, Limits(size=10**9))
    assert sorted(p.name for p in (store.root / "locks").iterdir()) == ["action-held", "collect"]
