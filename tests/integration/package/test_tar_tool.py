"""Real tar and zstd unpack what the tarball writer wrote; sha256sum knows its checksum file."""

from __future__ import annotations

from pathlib import Path

from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.tools import Tool
from omnibuild.tree import scan
from tests.unit.package.samples import TAR, sample_payload

TAR_TOOL = Tool("tar", "tar")
SHA256SUM = Tool("sha256sum", "coreutils")


def test_unpacking_gives_the_prefix_again(tmp_path: Path) -> None:
    payload = sample_payload(tmp_path / "root")
    path = write_package(payload, TAR, Making(tmp_path / "out")).path
    (tmp_path / "any where").mkdir()
    TAR_TOOL.run("--zstd", "-xpf", path, "-C", tmp_path / "any where")
    unpacked = tmp_path / "any where" / "hello-1.4.2"
    assert [entry.name for entry in (tmp_path / "any where").iterdir()] == ["hello-1.4.2"]
    assert scan(unpacked) == scan(payload.root / "opt/hello")


def test_the_checksum_file_is_understood(tmp_path: Path) -> None:
    path = write_package(sample_payload(tmp_path / "root"), TAR, Making(tmp_path / "out")).path
    done = SHA256SUM.run("--check", "--strict", f"{path.name}.sha256", directory=path.parent)
    assert done.stdout.decode() == f"{path.name}: OK\n"
