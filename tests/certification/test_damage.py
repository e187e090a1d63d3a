"""Many flipped bits, as tests/acceptance/test_damage.py does with a few."""

from __future__ import annotations

import os
import sys
import time

import pytest

from tests.acceptance.damaged import BUILDS, NOTES, DamageBench, flip_often

FLIPS = int(os.environ.get("OMNIBUILD_FLIPS", "200"))
SEED = int(os.environ.get("OMNIBUILD_SEED", str(int(time.time()))))


def test_flips(
    tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = DamageBench(tmp_path_factory.mktemp("damage"), python=True)
    ended = flip_often(bench, FLIPS, SEED)
    with capsys.disabled():
        sys.stdout.write(
            f"\nseed {SEED}: {FLIPS} flips, each followed by {len(BUILDS)} builds:"
            f" {', '.join(BUILDS)}; none wrong\n"
        )
        for kind, ends in ended.items():
            told = ", ".join(f"{count} {how}" for how, count in sorted(ends.items()))
            sys.stdout.write(f"  {ends.total():4} {kind}: {told}\n")
    assert sum(ends.total() for ends in ended.values()) == FLIPS
    # Whatever becomes content was read after each flip, and so healed or refused.
    assert not [kind for kind, ends in ended.items() if ends["not read"] and kind not in NOTES]
