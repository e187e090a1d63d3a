"""Whatever isolates the steps: the same keys, the same bytes, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from omnibuild.containers import Engine, connect
from omnibuild.digests import of_file
from omnibuild.errors import SandboxError
from omnibuild.execute.sandbox import choose
from omnibuild.execute.sandbox.choose import choose_sandbox
from omnibuild.execute.sandbox.container import OWNER_LABEL
from omnibuild.store.store import Store
from tests.acceptance.products import omnibuild
from tests.acceptance.test_engine import fresh_store_with_root
from tests.acceptance.workspaces import Workspace

BUILD_TIMEOUT = 300


@pytest.fixture
def engines(docker: str, podman: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both engines, where omnibuild looks for them."""
    monkeypatch.setenv("DOCKER_HOST", docker)
    monkeypatch.setenv("CONTAINER_HOST", podman)


def words(workspace: Path, sandbox: str, cache: Path) -> tuple[str | Path, ...]:
    output = workspace / f"dist-{sandbox}"
    return (
        *("build", "tiny", "-C", workspace, "-p", "debian-12", "-o", output),
        *("--sandbox", sandbox, "--cache-dir", cache),
    )


@pytest.mark.usefixtures("engines")
def test_every_sandbox_gives_the_same_keys_and_bytes(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "w").write()
    found = {}
    for sandbox in ("bubblewrap", "docker", "podman"):
        cache = fresh_store_with_root(tmp_path / sandbox)
        omnibuild(*words(workspace, sandbox, cache))
        keys = {path.name for path in cache.glob("results/*/*.json")}
        trees = {path.name for path in cache.glob("trees/*/*")}
        package = (workspace / f"dist-{sandbox}/tiny_1.0-1_amd64.deb").read_bytes()
        found[sandbox] = (keys, trees, package)
    assert found["docker"] == found["bubblewrap"]
    assert found["podman"] == found["bubblewrap"]


def containers(engine: Engine) -> set[str]:
    with engine.client() as client:
        return {c["Id"] for c in client.containers(all=True, filters={"label": OWNER_LABEL})}


@pytest.mark.usefixtures("engines")
@pytest.mark.parametrize("sandbox", ["docker", "podman"])
def test_what_a_crash_leaves_is_reaped_by_the_next_run(sandbox: str, tmp_path: Path) -> None:
    engine = connect("docker" if sandbox == "docker" else "podman")
    cache = fresh_store_with_root(tmp_path / "cache")
    workspace = Workspace(tmp_path / "w", steps=("sleep 3000",)).write()
    command = [sys.executable, "-m", "omnibuild", *map(str, words(workspace, sandbox, cache))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + BUILD_TIMEOUT
    while not (left := containers(engine)):
        assert process.poll() is None
        assert time.monotonic() < deadline, "no container was made"
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert containers(engine) == left
    omnibuild(*words(Workspace(tmp_path / "w").write(), sandbox, cache))
    assert containers(engine) == set()


@pytest.mark.usefixtures("engines")
def test_where_bubblewrap_cannot_start_docker_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choose, "require_namespaces", refuse)
    automatic = choose_sandbox("auto")
    assert isinstance(automatic, choose.Automatic)
    assert automatic.chosen.name == "docker"
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    automatic = choose_sandbox("auto")
    assert isinstance(automatic, choose.Automatic)
    assert automatic.chosen.name == "podman"


def test_where_nothing_can_start_all_that_was_tried_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(choose, "require_namespaces", refuse)
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    monkeypatch.setenv("CONTAINER_HOST", f"unix://{tmp_path}/podman.sock")
    automatic = choose_sandbox("auto")
    assert isinstance(automatic, choose.Automatic)
    with pytest.raises(SandboxError) as caught:
        _ = automatic.chosen
    assert "tcp://192.0.2.1:2375: not a local socket" in caught.value.why
    assert f"{tmp_path}/podman.sock: no such socket" in caught.value.why
    assert "refused here" in caught.value.what


def refuse() -> None:
    raise SandboxError("refused here", why="as a kernel does", hint="allow it")


def test_a_root_can_be_a_tarball(tmp_path: Path) -> None:
    """The warm root as an archive that somebody published: the same program comes out of it."""
    store = Store(fresh_store_with_root(tmp_path / "cache"))
    (tree,) = store.root.glob("trees/*/*/files")
    tarball = tmp_path / "root.tar"
    subprocess.run(["tar", "-C", tree, "-cf", tarball, "."], check=True)
    workspace = Workspace(tmp_path / "w").write()
    omnibuild(*words(workspace, "bubblewrap", store.root))
    pin = {"sha256": of_file(tarball), "places": [tarball.as_uri()]}
    (workspace / "roots").mkdir()
    (workspace / "roots/bullseye.lock.json").write_text(json.dumps({"tarball": pin}))
    omnibuild(*words(workspace, "bubblewrap", tmp_path / "other"))
    roots = {
        p.parent.name for p in tmp_path.glob("other/trees/*/*/files") if (p / "bin/sh").exists()
    }
    assert roots == {tree.parent.name}
