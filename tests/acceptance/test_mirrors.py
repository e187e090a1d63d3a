"""Hosts and mirror programs read while others publish: each gets one state, whole."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.readers import read_behind_nginx


def test_nobody_who_reads_notices_a_publishing(tmp_path: Path) -> None:
    for reader in read_behind_nginx(tmp_path, 5):
        assert reader.failures == [], reader.name
        assert reader.reads > 1
