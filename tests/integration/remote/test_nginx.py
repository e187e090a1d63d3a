"""The remote cache as a directory that a real nginx serves."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from omnibuild.remote import names
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store
from tests.unit.remote.samples import KEY, Told, opened, stored_tree, unseen

from .servers import nginx, running

LARGE = os.urandom(12 << 20)


@pytest.fixture
def program() -> str:
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    if found is None:
        pytest.skip("needs nginx: apt-get install nginx-light")
    return found


def filled(place: Path, here: Store) -> tuple[Output, Output]:
    """Fill a directory as a builder does: with a tree and a large source."""
    told = Told()
    tree, source = stored_tree(here), here.add_blob(LARGE)
    builder = opened(place, told, writable=True)
    builder.push(KEY, Result(tree), here)
    assert builder.push_object(source, here)
    assert told.warnings == []
    return tree, source


def test_what_lies_in_a_directory_is_read_by_http(
    program: str, tmp_path: Path, here: Store, there: Store
) -> None:
    tree, source = filled(tmp_path / "remote", here)
    told = Told()
    with running(nginx(program, tmp_path / "remote", tmp_path / "nginx")) as server:
        remote = opened(f"http://127.0.0.1:{server.port}/", told)
        assert remote.result(KEY) == Result(tree, believed=True)
        assert remote.result("f" * 64) is None
        assert remote.pull(tree, there, unseen)
        assert remote.pull(source, there, unseen)
    assert there.tree(tree.digest) == here.tree(tree.digest)
    assert there.blob(source.digest).read_bytes() == LARGE
    assert told.warnings == []


def test_a_server_killed_in_the_middle_is_a_miss_and_later_continued(
    program: str, tmp_path: Path, here: Store, there: Store
) -> None:
    _, source = filled(tmp_path / "remote", here)
    told = Told()
    slow = nginx(program, tmp_path / "remote", tmp_path / "slow", rate="1m")
    with running(slow) as server:
        remote = opened(f"http://127.0.0.1:{server.port}", told)
        assert not remote.pull(source, there, lambda done, total: server.kill())
        assert remote.result(KEY) is None
    assert len(told.warnings) == 1
    arrived = there.blob(source.digest).with_name(f"{source.digest}.part").stat().st_size
    assert 0 < arrived < len(LARGE)
    with running(nginx(program, tmp_path / "remote", tmp_path / "fast")) as server:
        assert opened(f"http://127.0.0.1:{server.port}", told).pull(source, there, unseen)
    log = (tmp_path / "fast/access.log").read_text()
    assert f'" 206 {len(LARGE) - arrived} ' in log
    assert there.blob(source.digest).read_bytes() == LARGE
    assert len(told.warnings) == 1


def test_a_truncated_file_is_a_miss(
    program: str, tmp_path: Path, here: Store, there: Store
) -> None:
    tree, source = filled(tmp_path / "remote", here)
    archive = tmp_path / "remote" / names.archive(tree.digest)
    archive.write_bytes(archive.read_bytes()[:-20])
    told = Told()
    with running(nginx(program, tmp_path / "remote", tmp_path / "nginx")) as server:
        remote = opened(f"http://127.0.0.1:{server.port}", told)
        assert not remote.pull(tree, there, unseen)
        assert not there.has(tree)
        assert len(told.warnings) == 1
        assert remote.pull(source, there, unseen)
