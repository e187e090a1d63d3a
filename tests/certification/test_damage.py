"""Many flipped bits, as tests/acceptance/test_damage.py does with a few."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter

import pytest

from tests.acceptance.damaged import DamageBench, flip_often

FLIPS = 200
SEED = int(os.environ.get("OMNIBUILD_SEED", str(int(time.time()))))


def test_flips(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = flip_often(DamageBench(tmp_path_factory.mktemp("damage")), FLIPS, SEED)
    with capsys.disabled():
        sys.stdout.write(f"\nseed {SEED}: {FLIPS} flips, three builds after each, none wrong:\n")
        for how, count in sorted(ended.items()):
            sys.stdout.write(f"  {count:4} {how}\n")
    words: Counter[str] = Counter()
    for how, count in ended.items():
        words[how.rpartition(": ")[2]] += count
    assert words.total() == FLIPS
    assert words["healed"] > FLIPS // 4
