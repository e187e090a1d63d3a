"""The kept sandbox of a failed step stays whole while its user is in it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from omnibuild.errors import UsageError
from omnibuild.execute.kept import failed_actions, keep_failed, kept_step
from omnibuild.execute.sandbox.step import Step
from omnibuild.store.collect import Limits, collect
from omnibuild.store.results import Output
from omnibuild.store.store import Store

NAME = "component:zlib"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def add_root(store: Store) -> Output:
    with store.scratch() as scratch:
        (scratch / "tree/files/etc").mkdir(parents=True)
        return store.add_tree(scratch / "tree")


def fail(store: Store, root: Output) -> None:
    with store.scratch() as scratch:
        (scratch / "build").mkdir()
        directory = store.tree_directory(root.digest)
        keep_failed(
            store, NAME, scratch, Step("zlib", "false", directory, "r", scratch / "build", "/p")
        )


def make_old(store: Store) -> None:
    for path in store.root.rglob("*"):
        os.utime(path, (0, 0), follow_symlinks=False)


def test_it_stays_while_somebody_is_in_it(store: Store) -> None:
    root = add_root(store)
    fail(store, root)
    make_old(store)
    with store.lease():
        step = kept_step(store, NAME)
        assert step is not None
        assert step.build.is_dir()
        collect(Store(store.root), Limits(age=0))
        assert step.build.is_dir()
        assert step.root.is_dir()
    make_old(store)
    collect(store, Limits(age=0))
    assert kept_step(store, NAME) is None
    assert not store.has(root)


def test_it_cannot_be_entered_without_its_root(store: Store) -> None:
    root = add_root(store)
    fail(store, root)
    store.discard(store.tree_directory(root.digest).parent)
    with pytest.raises(UsageError, match="cannot be entered any more"):
        kept_step(store, NAME)


def test_no_other_user_reaches_what_steps_wrote(store: Store) -> None:
    for name in ("trees", "scratch", "failed"):
        assert stat.S_IMODE((store.root / name).stat().st_mode) == 0o700


def test_a_damaged_note_hides_no_other(store: Store) -> None:
    fail(store, add_root(store))
    for name, text in (("torn", b'{"action": "x'), ("list", b"[]"), ("empty", b"")):
        (store.root / "failed" / name).mkdir()
        (store.root / "failed" / name / "step.json").write_bytes(text)
    assert failed_actions(store) == [NAME]
