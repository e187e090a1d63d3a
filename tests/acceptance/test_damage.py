"""One bit of a stored file is another: what is built of it is right, or nothing is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from omnibuild.store.store import LIST_FILE
from tests.acceptance.damaged import DamageBench, Target


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> DamageBench:
    return DamageBench(tmp_path_factory.mktemp("damage"))


@pytest.mark.parametrize(
    ("kind", "name", "mark", "build"),
    [
        ("component", "text", b"text", "other"),
        ("component", LIST_FILE, b'"mode":493', "other"),
        ("component", "tiny", b"tiny", "other"),
        ("place", "description.json", b"facts", "changed"),
        ("place", "tiny", b"tiny", "changed"),
        ("payload", "description.json", b"A tiny program", "other format"),
        ("source of component", "", b"\x1f\x8b", "other"),
        ("audit", "", b"findings", "tiny"),
        ("package", "tiny_1.0-1_amd64.deb", b"data.tar", "tiny"),
        ("search", "", b"findings", "tiny"),
    ],
)
def test_a_flipped_bit_is_healed(
    bench: DamageBench, kind: str, name: str, mark: bytes, build: str
) -> None:
    found = _targets(bench, kind, name)
    target = next(target for target in found if mark in target.path.read_bytes())
    offset = target.path.read_bytes().index(mark) + len(mark) - 1
    assert bench.damaged(target, offset, 0, (build,)) == "healed"


def _targets(bench: DamageBench, kind: str, name: str) -> list[Target]:
    found = [target for targets in bench.targets.values() for target in targets]
    return [t for t in found if t.kind == kind and name in ("", t.path.name)]


def test_a_deleted_file_is_made_again(bench: DamageBench) -> None:
    (target,) = _targets(bench, "component", "text")
    target.path.unlink()
    done = bench.build("other")
    assert done.returncode == 0, done.stderr
    assert "made again" in done.stderr
    assert bench.artifact("other").read_bytes() == bench.wanted["other"]
    bench.reset()


def test_a_store_that_cannot_be_written_serves_what_it_has(bench: DamageBench) -> None:
    first = bench.build("tiny")
    assert first.returncode == 0, first.stderr
    wanted = bench.artifact("tiny").read_bytes()
    cache, output = bench.store.root, bench.base / "read-only"
    assert _read_only(cache, bench.base / "tiny", output).returncode == 0
    assert (output / bench.artifact("tiny").name).read_bytes() == wanted == bench.wanted["tiny"]
    refused = _read_only(cache, bench.base / "changed", output)
    assert "error[storage]" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert "Read-only" in refused.stderr


def _read_only(cache: Path, workspace: Path, output: Path) -> subprocess.CompletedProcess[str]:
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
    build = [sys.executable, "-m", "omnibuild", "build", "tiny", "-C", workspace, "-p", "debian-12"]
    command = ["unshare", "--mount", "sh", "-c", script, cache, *build]
    return subprocess.run(
        [*command, "--cache-dir", cache, "-o", output], capture_output=True, text=True, check=False
    )
