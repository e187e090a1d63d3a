"""Layers are made again of their tarballs, and known again from the signed list."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from omnibuild.repository.layers.division import SMALL
from omnibuild.repository.life.checking import check
from omnibuild.repository.mending.repair import repair
from omnibuild.repository.publish import publish
from tests.unit.repository.samples import PLATFORMS, layered_tarball, listing, signer


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("published")
    for version in ("1.0", "1.1"):
        parts = {
            "python-3.13": {"lib/os.py": "os" * SMALL},
            "python:hello": {"lib/hello.py": version},
        }
        tarball = layered_tarball(base, version, parts)
        publish([tarball], base / "repository", signer(), platforms=PLATFORMS)
    return base / "repository"


@pytest.fixture
def repository(published: Path, tmp_path: Path) -> Path:
    return shutil.copytree(published, tmp_path / "repository")


def layers(repository: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (repository / "layers").iterdir()}


def test_what_is_damaged_or_gone_is_made_again(repository: Path) -> None:
    before = layers(repository)
    first, second, *others = sorted(before)
    (repository / "layers" / first).write_bytes(bytes(len(before[first])))
    (repository / "layers" / second).unlink()
    for name in others:
        (repository / "layers" / name).write_bytes(b"")
    whole = listing(repository)
    told = repair(repository, signer(), dry_run=True)
    assert listing(repository) == whole
    done = repair(repository, signer())
    assert {each.what for each in done.mended} == {"made of its tarball"}
    assert {Path(each.place).name for each in done.mended} <= before.keys()
    assert (done.lost, told.mended) == ([], done.mended)
    assert layers(repository) == before
    assert check(repository, deep=True).faults == []
    assert repair(repository, signer()).mended == []


def test_layers_are_lost_with_their_tarball_alone(repository: Path) -> None:
    before = layers(repository)
    next(repository.glob("downloads/hello-1.0*.zst")).unlink()
    shutil.rmtree(repository / "layers")
    done = repair(repository, signer())
    assert {each.what.splitlines()[0] for each in done.lost} >= {"its tarball is lost, too"}
    # Those of 1.1, the interpreter among them, are there again.
    assert set(layers(repository)) < set(before)
    assert repair(repository, signer(), drop_lost=True).dropped == [
        "hello-1.0-linux-x86_64.tar.zst"
    ]
    assert check(repository, deep=True).faults == []


def test_a_lost_state_is_found_with_its_layers(repository: Path) -> None:
    before = (repository / "downloads/stable.list").read_text()
    assert before.count("\nlayers ") == 2
    shutil.rmtree(repository / "state")
    repair(repository, signer())
    after = (repository / "downloads/stable.list").read_text()
    rows = [line for line in after.splitlines() if line.startswith(("tarball", "layers"))]
    assert rows == [line for line in before.splitlines() if line.startswith(("tarball", "layers"))]
    assert check(repository, deep=True).faults == []
