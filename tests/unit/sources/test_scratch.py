"""Where directories are that are needed for a while."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from omnibuild.sources.scratch import OF_ROOT_BY_ROOT, OF_UV, quick


@pytest.mark.parametrize(
    ("free", "environment", "there"),
    [(1 << 31, {}, True), (1 << 20, {}, False), (1 << 31, {"TMPDIR": "/tmp"}, False)],
)
def test_in_memory_where_there_is_room(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    free: int,
    environment: dict[str, str],
    there: bool,
) -> None:
    monkeypatch.setattr(
        os, "statvfs", lambda _: SimpleNamespace(f_bavail=free, f_frsize=1, f_flag=0)
    )
    with quick(OF_UV, environment, tmp_path) as directory:
        assert (directory.parent == tmp_path) == there
        (directory / "a").touch()
    assert not directory.exists()


def test_no_device_can_be_made_where_devices_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = SimpleNamespace(f_bavail=1 << 40, f_frsize=1, f_flag=os.ST_NODEV)
    monkeypatch.setattr(os, "statvfs", lambda _: free)
    with quick(OF_ROOT_BY_ROOT, {}, tmp_path) as directory:
        assert directory.parent == Path(tempfile.gettempdir())


def test_on_a_disk_where_there_is_no_such_file_system(tmp_path: Path) -> None:
    with quick(OF_UV, {}, tmp_path / "none") as directory:
        assert directory.parent == Path(tempfile.gettempdir())


def test_what_the_killed_left_is_removed_and_nothing_that_is_used(tmp_path: Path) -> None:
    left = tmp_path / "omnibuild-uv-left"
    left.mkdir()
    (left / "held").touch()
    recent = tmp_path / "omnibuild-uv-recent"
    shutil.copytree(left, recent)
    os.utime(left / "held", (0, 0))
    other = tmp_path / "other"
    other.mkdir()
    (other / "held").touch()
    with quick(OF_UV, {}, tmp_path) as first:
        assert not left.exists()
        with quick(OF_UV, {}, tmp_path) as second:
            assert first.is_dir()
            assert second.is_dir()
            os.utime(first / "held", (0, 0))
            with quick(OF_UV, {}, tmp_path):
                assert first.is_dir()
    assert sorted(tmp_path.iterdir()) == [recent, other]
