"""A step in a root that holds nothing but busybox, and every kind of sandbox to run it in."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from omnibuild.execute.sandbox.bubblewrap import Bubblewrap
from omnibuild.execute.sandbox.docker import Docker
from omnibuild.execute.sandbox.step import Sandbox, Step
from omnibuild.settings import SandboxName

PREFIX = "/omb/omb"


@pytest.fixture(params=["bubblewrap", "docker", "podman"])
def box(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Each kind of sandbox; engines are real and started by the tests."""
    return start(request, monkeypatch, request.param)


@pytest.fixture(params=["docker", "podman"])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Each engine of containers."""
    made = start(request, monkeypatch, request.param)
    assert isinstance(made, Docker)
    return made


def start(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, name: SandboxName
) -> Sandbox:
    if name == "docker":
        monkeypatch.setenv("DOCKER_HOST", request.getfixturevalue("docker"))
        return Docker("docker")
    if name == "podman":
        monkeypatch.setenv("CONTAINER_HOST", request.getfixturevalue("podman"))
        return Docker("podman")
    return Bubblewrap()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    base = tmp_path / "root"
    for name in ("bin", "build", "proc", "dev", "tmp", "etc", PREFIX.lstrip("/")):
        (base / name).mkdir(parents=True)
    busybox = shutil.which("busybox")
    assert busybox, "busybox is needed"
    shutil.copy(busybox, base / "bin/busybox")
    listed = subprocess.run(["ldd", busybox], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/\S+\.so\S*)", listed):
        copied = base / library.lstrip("/")
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, copied)
    subprocess.run([busybox, "--install", "-s", str(base / "bin")], check=True)
    for link in (base / "bin").iterdir():
        if link.is_symlink():
            link.unlink()
            link.symlink_to("busybox")
    return base


@pytest.fixture
def sandbox(tmp_path: Path, root: Path) -> Step:
    for name in ("build", "upper", "work"):
        (tmp_path / name).mkdir()
    return Step(
        what="the step",
        script="",
        root=root,
        root_identity="0" * 64,
        build=tmp_path / "build",
        prefix=PREFIX,
        upper=tmp_path / "upper",
        work=tmp_path / "work",
        environment={"PATH": "/bin", "GREETING": "hello"},
    )
