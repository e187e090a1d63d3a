from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild import digests
from omnibuild.errors import PackageError
from omnibuild.package.tar.writer import write_tar
from omnibuild.tree import scan
from tests.unit.package.samples import (
    TAR,
    expected,
    random_payload,
    read_tar,
    sample_payload,
    unzstd,
)


def test_the_tarball_holds_the_prefix_and_nothing_else(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "root")
    artifact = write_tar(payload, TAR, tmp_path / "out")
    assert artifact.path.name == "hello-1.4.2-linux-x86_64.tar.zst"
    assert artifact.digest == digests.of_file(artifact.path)
    found, infos = read_tar(unzstd(artifact.path.read_bytes()), "hello-1.4.2")
    start = "opt/hello/"
    assert found == {
        name.removeprefix(start): entry
        for name, entry in expected(payload).items()
        if name.startswith(start)
    }
    assert {(info.uid, info.uname) for info in infos} == {(0, "root")}


def test_what_packages_have_only_elsewhere_is_in_the_tarball(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "root")
    payload = replace(payload, copies={"/etc/hello/hello.conf": "etc/hello.conf"})
    artifact = write_tar(payload, TAR, tmp_path / "out")
    found, _ = read_tar(unzstd(artifact.path.read_bytes()), "hello-1.4.2")
    assert found["etc/hello.conf"] == expected(payload)["etc/hello/hello.conf"]
    assert artifact == write_tar(payload, TAR, tmp_path / "out")


@given(st.integers(0, 2**32))
def test_random_trees_come_back_and_bytes_repeat(seed: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "root"
        (root / "opt/hello").mkdir(parents=True)
        inside = random_payload(root / "opt/hello", seed)
        payload = replace(inside, root=root, tree=scan(root))
        first = write_tar(payload, TAR, Path(directory) / "1")
        again = write_tar(payload, TAR, Path(directory) / "2")
        assert first.digest == again.digest
        found, _ = read_tar(unzstd(first.path.read_bytes()), "hello-1.4.2")
        assert found == expected(inside)


@pytest.mark.parametrize("target", ["/opt/hello", "/opt/hello/bin"])
def test_a_link_that_would_break_elsewhere_is_refused(tmp_path: Path, target: str) -> None:
    payload = sample_payload(tmp_path / "root")
    (payload.root / "opt/hello/absolute").symlink_to(target)
    with pytest.raises(PackageError, match="absolute"):
        write_tar(replace(payload, tree=scan(payload.root)), TAR, tmp_path / "out")


def test_a_link_to_the_host_is_kept(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "root")
    (payload.root / "opt/hello/etc").symlink_to("/opt/hello-data")
    artifact = write_tar(replace(payload, tree=scan(payload.root)), TAR, tmp_path / "out")
    assert artifact.path.exists()
