"""What a repository's directory keeps for readers in flight."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from omnibuild import disk
from omnibuild.digests import of_bytes
from omnibuild.events import silent
from omnibuild.repository import layout
from omnibuild.repository.targets import directory
from omnibuild.repository.targets.directory import DirectoryTarget

DEB = "apt/pool/main/s/shop/shop_1.0_all.deb"


@pytest.mark.parametrize("there", [1, 5, 7, 8, 9, 20])
def test_the_newest_stay_however_old_they_are(tmp_path: Path, there: int) -> None:
    target = DirectoryTarget(tmp_path)
    names = [f"state-{number:02}" for number in range(there)]
    for name in names:
        target.put(f"old/{name}", b"x")
        os.utime(tmp_path / "old" / name, (0, 0))
    target.drop_retired("old", names, keep=8)
    assert sorted(os.listdir(tmp_path / "old")) == names[-8:]


@pytest.mark.parametrize(("age", "waited"), [(0, 2.0), (1.5, 0.5), (2, 0), (60, 0), (-1, 2.0)])
def test_readers_get_the_rest_of_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, age: float, waited: float
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    target = DirectoryTarget(tmp_path)
    target.put("pointer", b"x")
    os.utime(tmp_path / "pointer", (0, 1000 - age))
    target.outlast("pointer", 2.0)
    assert slept == [waited]


@pytest.fixture
def flushed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    found: list[Path] = []
    monkeypatch.setattr(directory, "sync_all", found.extend)
    return found


def test_what_the_head_names_is_on_disk_before_it(tmp_path: Path, flushed: list[Path]) -> None:
    target, leaf = DirectoryTarget(tmp_path / "repository"), layout.leaf(of_bytes(b"leaf"))
    (tmp_path / "source").write_bytes(b"package")
    with target.locked(layout.LOCK, silent):
        assert target.put_new(DEB, tmp_path / "source") == of_bytes(b"package")
        target.put(leaf, b"leaf")
        assert not flushed
        assert target.put_if(layout.HEAD, b"head", b"")
        assert {target.root / DEB, (target.root / DEB).parent, target.root / leaf} <= {*flushed}


def test_what_waits_is_on_disk_when_the_lock_ends(tmp_path: Path, flushed: list[Path]) -> None:
    target, leaf = DirectoryTarget(tmp_path), layout.leaf(of_bytes(b"leaf"))
    with target.locked(layout.LOCK, silent):
        target.put(layout.leaf(of_bytes(b"gone")), b"gone")
        target.put(leaf, b"leaf")
        target.remove(layout.leaf(of_bytes(b"gone")))
    assert flushed == [tmp_path / leaf, (tmp_path / leaf).parent]


def test_nothing_waits_without_a_lock(tmp_path: Path, flushed: list[Path]) -> None:
    target = DirectoryTarget(tmp_path)
    target.put(layout.leaf(of_bytes(b"leaf")), b"leaf")
    target.put(layout.HEAD, b"head")
    assert not flushed


def test_many_files_are_flushed_by_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Path] = []
    monkeypatch.setattr(disk, "sync_filesystem", calls.append)
    files = [tmp_path / str(number) for number in range(100)]
    for file in files:
        file.touch()
    disk.sync_all(files)
    assert len(calls) == 1
