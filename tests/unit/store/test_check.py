import os
from collections.abc import Callable
from pathlib import Path

import pytest

from omnibuild.store.check import Checker
from omnibuild.store.results import Output
from omnibuild.store.store import LIST_FILE, Store
from omnibuild.tree import scan
from tests.damage import flip

BIG = bytes(range(256)) * (5 << 12)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def tree(store: Store) -> Output:
    with store.scratch() as scratch:
        files = scratch / "tree/files"
        (files / "bin").mkdir(parents=True)
        (files / "bin/tool").write_text("#!/bin/sh\n")
        (files / "bin/tool").chmod(0o755)
        os.link(files / "bin/tool", files / "bin/other")
        (files / "link").symlink_to("bin")
        for number in range(3):
            (files / f"big{number}").write_bytes(BIG + bytes([number]))
            os.utime(files / f"big{number}", (7, 7))
        return store.add_tree(scratch / "tree")


def test_what_is_whole_has_no_fault(store: Store, tree: Output) -> None:
    blob = store.add_blob(b"x")
    for cores in (1, 4):
        checker = Checker(store, cores)
        assert [checker.fault(output) for output in (tree, blob, tree)] == ["", "", ""]


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a bit of a small file": lambda files: flip(files / "bin/tool", 1),
    "a bit of a big file": lambda files: flip(files / "big2", len(BIG) - 5),
    "a mode": lambda files: (files / "bin/tool").chmod(0o4755),
    "a mode of a directory": lambda files: (files / "bin").chmod(0o777),
    "a file is gone": lambda files: (files / "big0").unlink(),
    "all files are gone": lambda files: files.rename(files.with_name("moved")),
    "a file more": lambda files: (files / "bin/more").write_text(""),
    "a symlink": lambda files: ((files / "link").unlink(), (files / "link").symlink_to("/etc")),
    "a hard link is a file of its own": lambda files: (
        (files / "bin/other").unlink(),
        (files / "bin/other").write_text("#!/bin/sh\n"),
        (files / "bin/other").chmod(0o755),
    ),
    "the list is gone": lambda files: files.with_name(LIST_FILE).unlink(),
    "a mode in the list": lambda files: edit(files, b"493", b"509"),
    "a word of the list": lambda files: edit(files, b'"entries"', b'"entriez"'),
    "a kind in the list": lambda files: edit(files, b'"symlink"', b'"symlinj"'),
    "a letter that is none": lambda files: edit(files, b"symlink", b"sym\xffink"),
    "another JSON": lambda files: files.with_name(LIST_FILE).write_text("[]"),
}


def edit(files: Path, old: bytes, new: bytes) -> None:
    listed = files.with_name(LIST_FILE)
    data = listed.read_bytes()
    assert old in data
    listed.write_bytes(data.replace(old, new, 1))


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@pytest.mark.parametrize("cores", [1, 4])
def test_any_damage_is_a_fault(
    store: Store, tree: Output, damage: Callable[[Path], object], cores: int
) -> None:
    damage(store.tree_directory(tree.digest))
    checker = Checker(store, cores)
    assert checker.fault(tree)
    # What was found is not forgotten: it is looked at again once it was made anew.
    assert checker.fault(tree)


def test_a_damaged_blob_is_a_fault_and_can_be_removed(store: Store) -> None:
    blob = store.add_blob(b"content")
    flip(store.blob(blob.digest), 3)
    checker = Checker(store, 1)
    assert "digest" in checker.fault(blob)
    store.remove(blob)
    assert "cannot be read" in checker.fault(blob)
    store.add_blob(b"content")
    assert checker.fault(blob) == ""


def test_what_is_made_again_may_get_numbers_of_files_that_are_gone(
    store: Store, tree: Output
) -> None:
    files = store.tree_directory(tree.digest)
    checker = Checker(store, 1)
    flip(files / "bin/tool", 1)
    assert checker.fault(tree)
    flip(files / "bin/tool", 1)
    contents = [(files / f"big{number}").read_bytes() for number in range(2)]
    for number, content in enumerate(reversed(contents)):
        (files / f"big{number}").write_bytes(content)
        os.utime(files / f"big{number}", (7, 7))
        (files / f"big{number}").rename(files / f"moved{number}")
    for number in range(2):
        (files / f"moved{number}").rename(files / f"big{1 - number}")
    assert checker.fault(tree) == ""


def test_a_file_that_two_trees_share_is_damaged_in_both(store: Store, tree: Output) -> None:
    files = store.tree_directory(tree.digest)
    with store.scratch() as scratch:
        (scratch / "tree/files").mkdir(parents=True)
        os.link(files / "big1", scratch / "tree/files/same")
        second = store.add_tree(scratch / "tree")
    flip(files / "big1", 70)
    checker = Checker(store, 2)
    assert checker.fault(second)
    assert checker.fault(tree)
    assert scan(files).digest != tree.digest
