"""Roots from a real registry, by a real docker and podman."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from omnibuild.cli.main import main
from omnibuild.containers import connect
from omnibuild.errors import SourceError
from omnibuild.sources.images import export_image, resolve_image
from omnibuild.sources.roots.pins import ImageRoot
from omnibuild.sources.roots.tree import unpack_root
from omnibuild.tree import scan


@pytest.fixture(scope="module")
def image(registry: str, docker: str) -> str:
    """A small image in the registry."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as tar:
        for name, mode in (("bin/sh", 0o755), ("usr/bin/su", 0o4755), ("etc/hosts", 0o644)):
            info = tarfile.TarInfo(name)
            info.mode, info.size = mode, 4
            tar.addfile(info, io.BytesIO(b"text"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DOCKER_HOST", docker)
        with connect("docker").client() as client:
            client.import_image_from_data(stream.getvalue(), f"{registry}/team/tools", "1.0")
            pushed = client.push(f"{registry}/team/tools", tag="1.0")
            assert "error" not in pushed
    return f"{registry}/team/tools:1.0"


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The only engine that there is."""
    nowhere = "unix:///nonexistent/engine.sock"
    address = request.getfixturevalue(request.param)
    docker = request.param == "docker"
    monkeypatch.setenv("DOCKER_HOST", address if docker else nowhere)
    monkeypatch.setenv("CONTAINER_HOST", nowhere if docker else address)
    return str(request.param)


def unpacked(pinned: ImageRoot, directory: Path) -> str:
    archive = directory / "image.tar"
    export_image(pinned, archive)
    unpack_root(archive, directory / "root")
    return scan(directory / "root").digest


@pytest.mark.usefixtures("engine")
def test_an_image_is_pinned_and_unpacked(image: str, tmp_path: Path) -> None:
    pinned = resolve_image(image, "tools")
    assert pinned.image == image
    unpacked(pinned, tmp_path)
    root = tmp_path / "root"
    assert (root / "bin/sh").read_text() == "text"
    assert (root / "usr/bin/su").stat().st_mode & 0o7777 == 0o755
    assert not (root / "etc/hosts").exists()
    assert (root / "build").is_dir()


def test_both_engines_find_the_same_root(
    image: str, docker: str, podman: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = set()
    for name, address in (("docker", docker), ("podman", podman)):
        monkeypatch.setenv(
            "DOCKER_HOST", address if name == "docker" else "unix:///nonexistent/engine.sock"
        )
        monkeypatch.setenv("CONTAINER_HOST", address)
        pinned = resolve_image(image, "tools")
        (tmp_path / name).mkdir()
        found.add((pinned, unpacked(pinned, tmp_path / name)))
    assert len(found) == 1


@pytest.mark.usefixtures("engine")
def test_a_digest_that_the_registry_lacks_is_an_error(image: str, tmp_path: Path) -> None:
    pinned = ImageRoot("tools", image, f"sha256:{'0' * 64}")
    with pytest.raises(SourceError, match="cannot be fetched") as caught:
        export_image(pinned, tmp_path / "image.tar")
    assert f"@sha256:{'0' * 64}" in caught.value.hint


@pytest.mark.usefixtures("engine")
def test_the_command_writes_the_lock(
    image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["root", "lock", f"image:{image}", "-C", str(tmp_path), "--json"]
    (tmp_path / "recipes").mkdir()
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    lock = json.loads((tmp_path / "roots/tools-1.0.lock.json").read_text())
    assert lock == {"image": image, "digest": told["digest"]}
