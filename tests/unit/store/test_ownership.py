"""One user's store: root does not write there, and what root left is explained."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild.errors import StorageError
from omnibuild.store.ownership import foreign_files_explained
from omnibuild.store.results import Output
from omnibuild.store.store import Store

USER = 4242

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")


@contextlib.contextmanager
def another_user() -> Iterator[None]:
    os.setresgid(USER, USER, 0)
    os.setresuid(USER, USER, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of the other user's, which he can reach."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, USER, USER)
        yield Path(name)


def fill(root: Path) -> Output:
    store = Store(root)
    with store.lease():
        return store.add_blob(b"x")


def use(root: Path, output: Output) -> None:
    with foreign_files_explained(root):
        store = Store(root)
        with store.lease():
            store.take(output)
            store.add_blob(b"y")


def test_root_writes_nothing_in_the_store_of_a_user(place: Path) -> None:
    with another_user():
        fill(place / "store")
    before = sorted(place.rglob("*"))
    with pytest.raises(StorageError) as caught:
        Store(place / "store")
    assert "could not change" in caught.value.what
    assert "sudo -u" in caught.value.hint
    assert sorted(place.rglob("*")) == before


@pytest.mark.parametrize("what", ["all", "blobs", "leases", "one blob"])
def test_what_root_left_is_said_with_the_command_that_mends_it(place: Path, what: str) -> None:
    root = place / "store"
    with another_user():
        output = fill(root)
    blob = Store.blob(_bare(root), output.digest)
    given = {"all": [root, *root.rglob("*")], "one blob": [blob]}.get(what, [root / what])
    for path in given:
        os.chown(path, 0, 0)
    if what == "all":
        # A place that root made readable for nobody else, as it makes the store's trees.
        (root / "trees").chmod(0o700)
    with another_user(), pytest.raises(StorageError) as caught:
        use(root, output)
    assert "belong to root" in caught.value.what
    assert f"chown -R {USER}:{USER} {root}" in caught.value.hint


def test_another_place_that_is_closed_is_not_taken_for_the_store(place: Path) -> None:
    root = place / "store"
    with another_user():
        fill(root)
    os.chown(root / "blobs", 0, 0)
    closed = place / "closed"
    closed.mkdir(0o700)
    with another_user(), pytest.raises(PermissionError), foreign_files_explained(root):
        (closed / "x").touch()


def test_a_store_that_cannot_be_written_serves_what_it_has(place: Path) -> None:
    root = place / "store"
    output = fill(root)
    with another_user():
        store = Store(root)
        assert store.read_only
        store.collect_scratch()
        with store.lease():
            assert store.take(output)
            assert not store.take(Output("blob", "0" * 64))


def _bare(root: Path) -> Store:
    store = object.__new__(Store)
    store.root = root
    return store
