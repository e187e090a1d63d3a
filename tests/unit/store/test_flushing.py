"""What waits for the disk, and what need not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omnibuild.store.history import LastRun
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store


def test_objects_are_flushed_and_shortcuts_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path / "cache")
    flushed: list[str] = []
    flush = os.fsync

    def fsync(descriptor: int) -> None:
        flushed.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    output = store.add_blob(b"content")
    assert any("blobs" in path for path in flushed)
    flushed.clear()
    key = "ab" * 32
    store.record(key, Result(output))
    store.history.remember("a:b", LastRun(key, 1.0, 1.0, {}), {"a": 1})
    # New directories are, once.
    assert not [path for path in flushed if not os.path.isdir(path)]
    assert store.result(key) == Result(output)
    # What a lost power leaves of them is nothing at all.
    for path in (*tmp_path.rglob("results/**/*.json"), *tmp_path.rglob("actions/*.json")):
        path.write_bytes(b"")
    assert store.result(key) is None
    assert store.history.last("a:b") is None
    assert store.has(Output("blob", output.digest))
