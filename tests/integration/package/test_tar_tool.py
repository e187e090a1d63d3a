"""Real tar and zstd unpack what the tarball writer wrote; sha256sum knows its checksum file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.package.oci.capabilities import attribute
from omnibuild.package.tarstream import tar_stream
from omnibuild.tools import Tool
from omnibuild.tree import scan
from tests.unit.package.samples import TAR, sample_payload

TAR_TOOL = Tool("tar", "tar")
SETCAP = Tool("setcap", "libcap2-bin")
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


@pytest.mark.skipif(os.geteuid() != 0, reason="gives capabilities")
@pytest.mark.parametrize(
    "text",
    [
        "cap_net_raw=ep",
        "cap_chown,cap_setuid,cap_setfcap+p",
        "cap_perfmon,cap_bpf=i",
        "cap_kill=eip",
    ],
)
def test_capabilities_are_those_that_setcap_gives(tmp_path: Path, text: str) -> None:
    (tmp_path / "root").mkdir()
    program = tmp_path / "root/program"
    program.write_bytes(b"#!")
    tree = scan(tmp_path / "root")
    value = attribute("program", text)
    blocks = tar_stream(
        tree.entries, top=".", date=0, read=lambda _: (b"#!",), capabilities={"program": value}
    )
    (tmp_path / "tar").write_bytes(b"".join(blocks))
    (tmp_path / "out").mkdir()
    unpack = ("-xpf", tmp_path / "tar", "-C", tmp_path / "out")
    TAR_TOOL.run("--xattrs", "--xattrs-include=security.*", *unpack)
    SETCAP.run(text, program)
    assert os.getxattr(tmp_path / "out/program", "security.capability") == value
    assert os.getxattr(program, "security.capability") == value
