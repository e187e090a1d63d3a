import json
import os
from pathlib import Path

import pytest

from omnibuild import digests, files
from omnibuild.errors import StorageError
from omnibuild.files import TEMPORARY_PREFIX
from omnibuild.store.history import LastRun
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store
from omnibuild.tree import Kind


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def add(store: Store, contents: dict[str, bytes]) -> Output:
    with store.scratch() as scratch:
        for name, data in contents.items():
            path = scratch / "tree/files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return store.add_tree(scratch / "tree")


def test_a_blob_is_found_by_its_digest(store: Store) -> None:
    output = store.add_blob(b"hello")
    assert output == Output("blob", digests.of_bytes(b"hello"))
    assert store.blob(output.digest).read_bytes() == b"hello"
    assert store.has(output)


def test_equal_trees_are_one_object(store: Store) -> None:
    first = add(store, {"a/b": b"1", "c": b"2"})
    assert add(store, {"c": b"2", "a/b": b"1"}) == first
    assert add(store, {"c": b"3", "a/b": b"1"}) != first


def test_a_tree_keeps_modes_links_and_empty_directories(store: Store) -> None:
    with store.scratch() as scratch:
        files = scratch / "tree/files"
        (files / "empty").mkdir(parents=True)
        (files / "secret").write_bytes(b"s")
        (files / "secret").chmod(0o600)
        (files / "tool").write_bytes(b"t")
        (files / "tool").chmod(0o4755)
        os.link(files / "tool", files / "twin")
        (files / "link").symlink_to("nowhere")
        output = store.add_tree(scratch / "tree")
    entries = store.tree(output.digest).by_path
    assert entries["empty"].kind is Kind.DIRECTORY
    assert entries["secret"].mode == 0o600
    assert entries["tool"].mode == 0o4755
    assert (entries["twin"].kind, entries["twin"].target) == (Kind.HARDLINK, "tool")
    assert entries["link"].target == "nowhere"


def test_results_are_found_by_key_also_when_their_output_is_gone(store: Store) -> None:
    output = store.add_blob(b"x")
    key = digests.of_json({"kind": "component"})
    store.record(key, Result(output, 2.5))
    last = LastRun(key, 2.5, 0.0, {})
    store.history.remember("component:x", last, {"kind": "component"})
    assert store.result(key) == Result(output, 2.5)
    assert store.history.last_document("component:x") == {"kind": "component"}
    assert store.history.last("component:x") == last
    store.blob(output.digest).unlink()
    assert store.result(key) == Result(output, 2.5)
    assert not store.has(output)


def test_a_damaged_record_is_no_result(store: Store) -> None:
    output = store.add_blob(b"x")
    store.record("ab" * 32, Result(output))
    for damage in (b"", b"{", b"[]", b'{"output": {}}', b"\xff\xfe"):
        (store.root / "results/ab" / f"{'ab' * 32}.json").write_bytes(damage)
        assert store.result("ab" * 32) is None


def test_a_damaged_tree_list_says_what_to_remove(store: Store) -> None:
    output = add(store, {"a": b"1"})
    (store.tree_directory(output.digest).parent / "tree.json").write_text("{")
    with pytest.raises(StorageError) as caught:
        store.tree(output.digest)
    assert "remove" in caught.value.hint


def test_scratch_of_the_dead_is_collected_and_of_the_living_kept(store: Store) -> None:
    dead = store.root / f"scratch/{TEMPORARY_PREFIX}dead"
    (dead / "sub").mkdir(parents=True)
    with store.scratch() as living:
        store.collect_scratch()
        assert living.exists()
    assert not dead.exists()


def test_tree_lists_are_plain_json(store: Store) -> None:
    output = add(store, {"a": b"1"})
    path = store.tree_directory(output.digest).parent / "tree.json"
    assert json.loads(path.read_text())["entries"] == [
        {
            "path": "a",
            "kind": "file",
            "mode": 0o644,
            "size": 1,
            "digest": digests.of_bytes(b"1"),
        }
    ]


@pytest.mark.parametrize("name", ["locks", "leases", "scratch", "results", "logs", "trees"])
def test_a_directory_that_somebody_takes_away_is_one_clear_error(store: Store, name: str) -> None:
    def work() -> None:
        with store.lease():
            os.rename(store.root / name, store.root / "away")
            os.open(store.root / name / "x", os.O_CREAT)

    with pytest.raises(StorageError) as caught:
        work()
    assert f"{name} is gone" in caught.value.what


def test_a_missing_file_is_not_taken_for_a_missing_directory(store: Store) -> None:
    with pytest.raises(FileNotFoundError), store.lease():
        (store.root / "nonesuch").read_bytes()


@pytest.mark.parametrize("shared", [False, True])
def test_nobody_else_writes_to_a_store_whatever_the_umask(tmp_path: Path, shared: bool) -> None:
    # As /tmp is: open to all, who leave each other's files alone.
    (tmp_path / "above").mkdir()
    (tmp_path / "above").chmod(0o1777 if shared else 0o755)
    before = os.umask(0)
    try:
        store = Store(tmp_path / "above/store")
        store.add_blob(b"content")
        with store.lease():
            store.record("0" * 64, Result(Output("blob", "0" * 64)))
    finally:
        os.umask(before)
    made = [store.root, *store.root.rglob("*")]
    assert len(made) > 12
    assert not [path for path in made if path.is_dir() and path.stat().st_mode & 0o022]


def test_a_directory_is_as_open_as_the_one_above_at_most(tmp_path: Path) -> None:
    tmp_path.chmod(0o775)
    before = os.umask(0o002)
    try:
        files.make_directory(tmp_path / "of/a group")
    finally:
        os.umask(before)
    assert (tmp_path / "of/a group").stat().st_mode & 0o777 == 0o775


def test_the_log_that_says_something_is_shown(store: Store) -> None:
    digest = "0123456789ab" * 5 + "cdef"
    wheel, install = (store.log(f"{kind}:app/shop@root/x", digest) for kind in ("wheel", "install"))
    assert store.latest_log("shop") is None
    wheel.write_text("compiled")
    install.touch()
    os.utime(wheel, (1, 1))
    assert store.latest_log("shop") == wheel
    wheel.unlink()
    assert store.latest_log("shop") == install
