"""Many publishings back to back, as tests/acceptance/test_mirrors.py does with a few."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.acceptance.readers import read_behind_nginx

PUBLISHES = 60


def test_sixty_publishings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    readers = read_behind_nginx(tmp_path, PUBLISHES)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{PUBLISHES} publishings of a .deb and an .rpm, back to back; behind nginx:\n"
        )
        for reader in readers:
            sys.stdout.write(
                f"  {reader.reads:4} times {reader.name}: {len(reader.failures)} failed\n"
            )
    for reader in readers:
        assert reader.failures == [], reader.name
