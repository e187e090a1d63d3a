"""Each file of a repository is deleted, cut off and altered in turn: it is mended, or told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from omnibuild.repository.apt import switch
from omnibuild.repository.life.checking import check
from omnibuild.repository.mending.repair import repair
from tests.unit.repository.mending.damage import WAYS, damage, make, told
from tests.unit.repository.samples import signer


def test_each_file_is_mended_or_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switch, "PAIR_SECONDS", 0)
    monkeypatch.setattr(switch, "INDEX_SECONDS", 0)
    root, copy = make(tmp_path), tmp_path / "copy"
    before = told(root)
    paths = [path.relative_to(root) for path in sorted(root.rglob("*")) if path.is_file()]
    for path in (each for each in paths if each.name != "lock"):
        for way in WAYS:
            shutil.copytree(root, copy)
            damage(copy / path, way)
            done, faults = repair(copy, signer()), check(copy, deep=True).faults
            assert {each.place for each in faults} <= {each.place for each in done.lost}
            if not done.lost:
                # What readers in flight want of earlier states is not made again.
                assert told(copy).items() <= before.items()
            shutil.rmtree(copy)
