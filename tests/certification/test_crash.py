"""Many kills, full disks and failing ones, as tests/acceptance/test_crash.py does with a few."""

from __future__ import annotations

import os
import random
import sys
import time
from pathlib import Path

import pytest

from tests.acceptance.crash import Bench, kill_often
from tests.acceptance.test_crash import fail_once, full_disk

KILLS = 200
DISKS = 20
SEED = int(os.environ.get("OMNIBUILD_SEED", str(int(time.time()))))


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("crash"))


def test_kills(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    phases = kill_often(bench, KILLS, SEED)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {SEED}: {KILLS} kills, all healed; what ran at those moments:\n")
        for phase, count in phases.most_common():
            sys.stdout.write(f"  {count:4} {phase}\n")
    reached = {kind for phase in phases for kind in phase.split("+")}
    assert {"fetch", "component", "place", "package"} <= reached


def test_full_disks(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.clean
    bench.reset()
    dice = random.Random(SEED)  # noqa: S311 - no secret
    sizes = sorted(dice.randrange(1_300, 40_000) for _ in range(DISKS))
    said = [full_disk(bench, size) for size in sizes]
    assert not [text for text in said if "Traceback" in text]
    full = sum("error[" in text for text in said)
    with capsys.disabled():
        span = f"{sizes[0]} to {sizes[-1]} kB"
        sys.stdout.write(f"\n{DISKS} disks of {span}: {full} became full, all healed\n")
    assert full > DISKS // 4


@pytest.mark.parametrize("at", range(15, 136, 15))
def test_failing_disks(bench: Bench, tmp_path: Path, at: int) -> None:
    bench.reset()
    fail_once(bench, tmp_path, at)
