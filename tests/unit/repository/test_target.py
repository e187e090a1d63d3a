"""What a repository's directory keeps for readers in flight."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from omnibuild.repository.targets.directory import DirectoryTarget


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
