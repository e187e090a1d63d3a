from __future__ import annotations

import os
from pathlib import Path

from omnibuild.tree import Kind, scan


def test_a_hard_link_repeats_an_earlier_entry(tmp_path: Path) -> None:
    """``a-b`` sorts before ``a/x``, though a walk meets the directory ``a`` first."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/x").write_text("content")
    os.link(tmp_path / "a/x", tmp_path / "a-b")
    entries = {entry.path: entry for entry in scan(tmp_path).entries}
    assert list(entries) == ["a", "a-b", "a/x"]
    assert entries["a-b"].kind is Kind.FILE
    assert entries["a/x"].target == "a-b"
