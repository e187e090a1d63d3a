"""What is delivered is whole, and what is there already stays only as long as it is the same."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

import pytest

from omnibuild.errors import DefinitionError, StorageError
from omnibuild.sources import generated
from omnibuild.store import delivery
from omnibuild.store.delivery import BuiltArtifact, deliver
from omnibuild.store.results import Output
from omnibuild.store.store import Store

NAME = "tiny_1.0-1_amd64.deb"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def package(store: Store) -> Output:
    with store.scratch() as scratch:
        files = scratch / "tree/files"
        files.mkdir(parents=True)
        (files / NAME).write_bytes(b"artifact")
        (files / f"{NAME}.sha256").write_text("digest")
        (files / f"{NAME}.manifest.json").write_text("{}")
        return store.add_tree(scratch / "tree")


def delivered(store: Store, package: Output, output: Path) -> BuiltArtifact:
    artifact = deliver(store, package, output, ("debian-12",), b"{}")
    assert artifact.path.read_bytes() == b"artifact"
    return artifact


def test_what_is_delivered_is_known_as_that(store: Store, package: Output, tmp_path: Path) -> None:
    delivered(store, package, tmp_path / "dist")
    names = {path.name for path in (tmp_path / "dist").iterdir()}
    assert generated.delivered({*names, "a.py"}) == names


def settle(path: Path) -> None:
    """Wait until the next change of a file has another time."""
    while time.time_ns() - path.stat().st_ctime_ns <= 2 * delivery.TICK:
        time.sleep(0.01)


def test_what_was_read_once_is_known_again(
    store: Store, package: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(delivered(store, package, tmp_path / "dist").path)
    inode = delivered(store, package, tmp_path / "dist").path.stat().st_ino
    monkeypatch.delattr(delivery.digests, "of_file")
    assert delivered(store, package, tmp_path / "dist").path.stat().st_ino == inode


def test_a_change_that_hides_its_time_is_undone(
    store: Store, package: Output, tmp_path: Path
) -> None:
    path = delivered(store, package, tmp_path / "dist").path
    settle(path)
    delivered(store, package, tmp_path / "dist")
    before = path.stat()
    path.write_bytes(b"ARTIFACT")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    delivered(store, package, tmp_path / "dist")


def test_what_just_changed_is_read_the_next_time_too(
    store: Store, package: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "TICK", 10**18)
    delivered(store, package, tmp_path / "dist")
    path = delivered(store, package, tmp_path / "dist").path
    with path.open("r+b") as stream:
        stream.write(b"ARTIFACT")
    delivered(store, package, tmp_path / "dist")


def test_a_damaged_note_is_not_believed(store: Store, package: Output, tmp_path: Path) -> None:
    settle(delivered(store, package, tmp_path / "dist").path)
    delivered(store, package, tmp_path / "dist")
    notes = list((store.root / "delivered").iterdir())
    assert len(notes) == 4
    for note in notes:
        note.write_bytes(b"\xff")
    delivered(store, package, tmp_path / "dist")


def test_the_stores_copy_is_verified(store: Store, package: Output, tmp_path: Path) -> None:
    stored = store.tree_directory(package.digest) / NAME
    stored.chmod(0o644)
    stored.write_bytes(b"ARTIFACT")
    with pytest.raises(StorageError, match="damaged"):
        deliver(store, package, tmp_path / "dist", (), b"{}")
    assert not (tmp_path / "dist" / NAME).exists()


@pytest.mark.parametrize("room", [4, 7])
def test_a_disk_that_takes_no_more_gets_nothing(
    store: Store, package: Output, tmp_path: Path, room: int
) -> None:
    """The artifact has eight bytes, its sidecars six and less."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(StorageError, match="cannot write"):
            deliver(store, package, tmp_path / "dist", ("debian-12",), b"{}")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / "dist").iterdir()) == []
    delivered(store, package, tmp_path / "dist")


def test_a_directory_of_that_name_is_left_alone(
    store: Store, package: Output, tmp_path: Path
) -> None:
    (tmp_path / "dist" / NAME).mkdir(parents=True)
    with pytest.raises(DefinitionError, match="is a directory"):
        deliver(store, package, tmp_path / "dist", (), b"{}")
