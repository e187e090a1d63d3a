from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.store.history import LastRun
from omnibuild.store.inventory import Held
from omnibuild.store.results import Output, Result, read_record, write_record
from omnibuild.store.store import Store, read_list
from omnibuild.store.verify import Verified, verify
from tests.unit.store.test_collect import add_tree


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def check(store: Store) -> Verified:
    return verify(store, 2, lambda done, total: None)


def names(verified: Verified) -> list[tuple[Held, str]]:
    return [(damage.item.held, damage.item.name) for damage in verified.damaged]


def flip(path: Path, bit: int) -> None:
    data = bytearray(path.read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    path.chmod(0o644)
    path.write_bytes(data)


def test_a_healthy_store_is_left_alone(store: Store) -> None:
    outputs = [store.add_blob(b"one"), add_tree(store, {"a": b"1", "b": b""})]
    store.record("ab" * 32, Result(outputs[1]))
    store.history.remember("one", LastRun("cd" * 32, 1.0, 0.0, {}), {})
    # That document has another key than its digest; a true one is found to be right.
    (store.root / f"documents/cd/{'cd' * 32}.json").unlink()
    store.history.remember("one", LastRun(digests.of_json({}), 1.0, 0.0, {}), {})
    done = check(store)
    assert (done.damaged, done.forgotten, done.objects) == ((), (), 2)
    assert all(store.has(output) for output in outputs)


def test_a_flipped_bit_anywhere_is_found_and_the_object_removed(store: Store) -> None:
    dice = random.Random(1)  # noqa: S311 - a game, not a secret
    kept = store.add_blob(b"kept")
    for _ in range(20):
        blob, tree = store.add_blob(b"blob" * 50), add_tree(store, {"a": b"tree" * 50, "b": b"x"})
        flip(store.blob(blob.digest), dice.randrange(8 * 200))
        flip(store.tree_directory(tree.digest) / "a", dice.randrange(8 * 200))
        done = check(store)
        assert sorted(names(done)) == [(Held.BLOB, blob.digest), (Held.TREE, tree.digest)]
        assert "'a'" in next(d.why for d in done.damaged if d.item.held is Held.TREE)
        assert [store.has(o) for o in (blob, tree, kept)] == [False, False, True]


def test_every_other_change_of_a_tree_is_found(store: Store) -> None:
    def list_of(files: Path) -> Path:
        return files.with_name("tree.json")

    changes = {
        "removed": lambda files: (files / "a").unlink(),
        "added": lambda files: (files / "new").write_text("new"),
        "mode": lambda files: (files / "a").chmod(0o600),
        "kind": lambda files: ((files / "a").unlink(), (files / "a").mkdir()),
        "fifo": lambda files: os.mkfifo(files / "pipe"),
        "no list": lambda files: list_of(files).unlink(),
        "half a list": lambda files: list_of(files).write_text(list_of(files).read_text()[:50]),
        "another list": lambda files: list_of(files).write_text('{"entries": []}'),
        "strange list": lambda files: list_of(files).write_text("[1]"),
    }
    for name, change in changes.items():
        tree = add_tree(store, {"a": b"1", "b": b"2"})
        change(store.tree_directory(tree.digest))
        assert names(check(store)) == [(Held.TREE, tree.digest)], name
        assert not store.has(tree)
        assert store.has(add_tree(store, {"a": b"1", "b": b"2"}))
        assert check(store).damaged == ()


def test_a_file_shared_by_trees_is_damage_of_each(store: Store) -> None:
    first = add_tree(store, {"a": b"shared"})
    second = add_tree(store, {"b": store.tree_directory(first.digest) / "a"})
    flip(store.tree_directory(first.digest) / "a", 0)
    assert {name for _, name in names(check(store))} == {first.digest, second.digest}


def test_every_flipped_bit_of_a_list_is_found(store: Store) -> None:
    tree = add_tree(store, {"a": b"1", "b": b"2"})
    document = store.tree_directory(tree.digest).with_name("tree.json").read_bytes()
    # As the first releases wrote it.
    older = json.dumps({**json.loads(document), "notes": {}}).encode()
    listed = store.tree(tree.digest)
    assert read_list(tree.digest, document) == read_list(tree.digest, older) == listed
    for bit in range(8 * len(document)):
        data = bytearray(document)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            read_list(tree.digest, bytes(data))


def test_every_flipped_bit_of_a_record_is_found() -> None:
    result = Result(Output("tree", "ab" * 32, "cd" * 32), 1.5, 2.5, 3, "log")
    record = write_record("ef" * 32, result)
    assert read_record("ef" * 32, record) == result
    for bit in range(8 * len(record)):
        data = bytearray(record)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
            read_record("ef" * 32, bytes(data))


def test_a_record_is_for_its_own_key_only(store: Store) -> None:
    store.record("ab" * 32, Result(store.add_blob(b"x")))
    other = store.root / f"results/ab/{'ab' * 31}cd.json"
    os.rename(store.root / f"results/ab/{'ab' * 32}.json", other)
    assert store.result("ab" * 31 + "cd") is None
    assert names(check(store)) == [(Held.RESULT, "ab" * 31 + "cd")]


def test_what_was_made_from_damage_is_forgotten(store: Store) -> None:
    """A compiler may have read the flipped bit: nothing shows that in what it made."""
    root = add_tree(store, {"root": b"1"})
    made, last, other = (store.add_blob(data) for data in (b"made", b"last", b"other"))
    identity = "1d" * 32
    keys = {}
    for name, output, needs in (
        ("root", Output("tree", root.digest, identity), []),
        ("made", made, [identity]),
        ("last", last, [made.digest]),
        ("other", other, ["00" * 32]),
    ):
        document = {"name": name, "inputs": {str(n): d for n, d in enumerate(needs)}}
        keys[name] = digests.of_json(document)
        store.record(keys[name], Result(output))
        store.history.remember(name, LastRun(keys[name], 1.0, 0.0, {}), document)
    flip(store.tree_directory(root.digest) / "root", 3)
    done = check(store)
    assert done.forgotten == tuple(sorted((keys["made"], keys["last"])))
    known = {name: store.result(key) is not None for name, key in keys.items()}
    assert known == {"root": True, "made": False, "last": False, "other": True}
