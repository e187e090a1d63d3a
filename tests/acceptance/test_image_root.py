"""A whole build in a root that comes from a registry."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest

from omnibuild.containers import connect
from omnibuild.digests import of_file
from omnibuild.settings import default_cache
from omnibuild.store.store import Store
from tests.acceptance.products import Products, omnibuild
from tests.acceptance.workspaces import Workspace

PLATFORM = """\
name = "tools"
title = "What the image has"
glibc = "2.31"
root = "tools"

[deb]
architecture = "amd64"
compression = "zstd"
"""

# A compiler needs nothing of these; pushing and fetching them takes a minute.
NEEDLESS = ("usr/share", "usr/lib/python3", "usr/lib/x86_64-linux-gnu/perl", "var")


def needed(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name.removeprefix("./").startswith(NEEDLESS) else member


@pytest.fixture
def image(docker: str, registry: str, products: Products, monkeypatch: pytest.MonkeyPatch) -> str:
    """An image with a compiler in the registry, which no engine holds."""
    assert products.hello.is_dir()
    monkeypatch.setenv("DOCKER_HOST", docker)
    monkeypatch.setenv("CONTAINER_HOST", "unix:///nonexistent/engine.sock")
    last = Store(default_cache()).history.last("root:bullseye@amd64")
    assert last
    result = Store(default_cache()).result(last.key)
    assert result
    root = Store(default_cache()).tree_directory(result.output.digest)
    archive = products.base / "tools.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(root, ".", filter=needed)
    name = f"{registry}/team/tools"
    with connect("docker").client() as client:
        client.import_image_from_file(str(archive), name, "1.0")
        assert "error" not in client.push(name, tag="1.0")
        client.remove_image(f"{name}:1.0", force=True)
    archive.unlink()
    return f"{name}:1.0"


def test_a_package_is_built_in_an_image(image: str, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w").write()
    (workspace / "platforms").mkdir()
    (workspace / "platforms/tools.toml").write_text(PLATFORM)
    omnibuild("root", "lock", f"image:{image}", "--name", "tools", "-C", workspace)
    found = set()
    for name in ("first", "second"):
        places = ("--cache-dir", tmp_path / name, "-o", tmp_path / f"dist-{name}")
        omnibuild("build", "tiny", "-C", workspace, "-p", "tools", *places)
        found.add(of_file(tmp_path / f"dist-{name}/tiny_1.0-1_amd64.deb"))
    assert len(found) == 1
    subprocess.run(["dpkg-deb", "-x", *tmp_path.glob("dist-first/*.deb"), tmp_path], check=True)
    said = subprocess.run([tmp_path / "opt/tiny/bin/tiny"], capture_output=True, check=True)
    assert said.stdout == b"tiny\n"
