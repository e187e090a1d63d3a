"""Layers go where their tarballs go, and away when no release names them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from omnibuild.errors import RepositoryError
from omnibuild.repository.layers.division import SMALL
from omnibuild.repository.life.checking import check
from omnibuild.repository.life.collection import collect
from omnibuild.repository.life.demotion import demote
from omnibuild.repository.life.promotion import promote
from omnibuild.repository.publish import remove
from tests.unit.repository.samples import layered_tarball, signer

DAY = 24 * 3600


def tarball(tmp_path: Path, version: str) -> Path:
    parts = {
        "python-3.13": {"lib/os.py": "os" * SMALL},
        "python:hello": {"lib/hello.py": version},
    }
    return layered_tarball(tmp_path, version, parts)


def layers(repository: Path, channel: str) -> list[str]:
    lines = (repository / f"downloads/{channel}.list").read_text().splitlines()
    return [line.split()[2] for line in lines if line.startswith("layers ")]


def collected(repository: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Collect as if all that is there were two days old; return how many layers are left."""
    now = time.time()
    for path in repository.rglob("*"):
        os.utime(path, (now - DAY, now - DAY))
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: now + 2 * DAY)
        collect(repository, now + DAY)
    return len(list(repository.glob("layers/*.tar.zst")))


def test_layers_are_promoted_and_come_back_with_their_tarballs(
    repository: Path, into: Callable[..., object], tmp_path: Path
) -> None:
    into("testing", tarball(tmp_path, "1.0"))
    into("testing", tarball(tmp_path, "1.1"))
    before = set((repository / "layers").iterdir())
    promote(["hello"], repository, signer(), "testing", "stable")
    assert layers(repository, "stable") == layers(repository, "testing")
    demote(repository, signer(), "testing")
    assert len(layers(repository, "testing")) == 1
    assert set((repository / "layers").iterdir()) == before
    assert check(repository, deep=True).faults == []


def test_a_tarball_whose_list_of_layers_is_gone_is_not_promoted(
    repository: Path, into: Callable[..., object], tmp_path: Path
) -> None:
    into("testing", tarball(tmp_path, "1.0"))
    next(repository.glob("layers/*.list")).unlink()
    with pytest.raises(RepositoryError, match="gone"):
        promote(["hello"], repository, signer(), "testing", "stable")


def test_only_layers_that_nothing_names_are_collected(
    repository: Path,
    into: Callable[..., object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for version in ("1.0", "1.1"):
        into("stable", tarball(tmp_path, version))
    assert collected(repository, monkeypatch) == 5
    remove(["hello=1.0"], repository, signer(), reason="it is broken")
    # The interpreter is that of 1.1, too.
    assert collected(repository, monkeypatch) == 3
    assert len(list(repository.glob("layers/*.list"))) == 1
    assert check(repository, deep=True).faults == []
    remove(["hello"], repository, signer())
    assert collected(repository, monkeypatch) == 0


def test_a_list_that_is_gone_keeps_nobody_from_collecting(
    repository: Path,
    into: Callable[..., object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for version in ("1.0", "1.1"):
        into("stable", tarball(tmp_path, version))
    (repository / f"layers/{layers(repository, 'stable')[1]}.list").unlink()
    # What is named by it alone is made again with it.
    assert collected(repository, monkeypatch) == 3
    into("stable", tarball(tmp_path, "1.0"))
    assert check(repository, deep=True).faults == []
