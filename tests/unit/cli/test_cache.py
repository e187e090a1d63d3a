from __future__ import annotations

import json
from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from omnibuild.cli.cache_words import parse_age, parse_size
from omnibuild.cli.main import main
from omnibuild.store.store import Store


@pytest.mark.parametrize(
    ("text", "size"),
    [("0", 0), ("20GB", 20 * 10**9), ("1.5 mb", 1_500_000), ("3KiB", 3072), ("2t", 2 * 10**12)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(("text", "age"), [("0s", 0), ("90m", 5400), ("30d", 2_592_000)])
def test_ages(text: str, age: float) -> None:
    assert parse_age(text) == age


@pytest.mark.parametrize("text", ["", "-1", "GB", "20XB", "1e9", "ten"])
def test_what_is_no_size_or_age(text: str) -> None:
    with pytest.raises(ArgumentTypeError):
        parse_size(text)
    with pytest.raises(ArgumentTypeError):
        parse_age(text)


def run(root: Path, *words: str) -> list[str]:
    return ["cache", *words, "--cache-dir", str(root)]


def test_list_gc_and_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path / "store")
    output = store.add_blob(b"x" * 10_000)
    assert main(run(store.root, "list", "--json")) == 0
    held = json.loads(capsys.readouterr().out)["held"]
    assert held["blobs"]["count"] == 1
    assert held["blobs"]["bytes"] >= 10_000
    assert main(run(store.root, "gc", "--max-size", "0", "--dry-run")) == 0
    assert "would remove 1 blobs" in capsys.readouterr().out
    assert main(run(store.root, "gc")) == 0
    assert "removed nothing" in capsys.readouterr().out
    assert main(run(store.root, "verify")) == 0
    assert "nothing is damaged" in capsys.readouterr().out
    store.blob(output.digest).chmod(0o644)
    store.blob(output.digest).write_bytes(b"y")
    assert main(run(store.root, "verify")) == 1
    said = capsys.readouterr().out
    assert f"damaged, removed: {store.blob(output.digest)}" in said
    assert "next build makes again" in said
    assert main(run(store.root, "verify", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["damaged"] == []
