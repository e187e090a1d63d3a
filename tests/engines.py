"""Real container engines and a registry, which tests start for themselves alone."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omnibuild.tools import SYSTEM_PATH

START_TIMEOUT = 60

REGISTRY = """
version: 0.1
storage: {{filesystem: {{rootdirectory: {directory}}}}}
http: {{addr: 127.0.0.1:{port}}}
"""


@contextlib.contextmanager
def running_docker() -> Iterator[str]:
    """Run dockerd on a socket of its own; yield its address."""
    with _home() as home:
        words = [
            *("dockerd", f"--host=unix://{home}/docker.sock", f"--pidfile={home}/pid"),
            *(f"--data-root={home}/data", f"--exec-root={home}/exec"),
            # Containers of steps have no network: the host's is left alone.
            *("--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none"),
        ]
        with _service(words, home / "docker.sock", home, {}) as address:
            yield address


@contextlib.contextmanager
def running_podman() -> Iterator[str]:
    """Run podman's service on a socket of its own; yield its address."""
    with _home() as home:
        # Without this podman takes no registry without TLS, also not on loopback.
        registries = home / "registries.conf"
        registries.write_text('[[registry]]\nlocation = "127.0.0.1"\ninsecure = true\n')
        words = [
            *("podman", f"--root={home}/data", f"--runroot={home}/run", f"--tmpdir={home}/tmp"),
            # crun refuses some machines, systemd may be absent.
            *("--runtime=runc", "--cgroup-manager=cgroupfs", "--events-backend=file"),
            *("system", "service", "--time=0", f"unix://{home}/podman.sock"),
        ]
        variables = {"CONTAINERS_REGISTRIES_CONF": str(registries), "XDG_RUNTIME_DIR": str(home)}
        with _service(words, home / "podman.sock", home, variables) as address:
            yield address


@contextlib.contextmanager
def running_registry() -> Iterator[str]:
    """Run docker-registry on a free port of loopback; yield its host and port."""
    with _home() as home:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        configuration = home / "config.yml"
        configuration.write_text(REGISTRY.format(directory=home / "data", port=port))
        words = ["docker-registry", "serve", str(configuration)]
        with _started(words, home, {}) as process:
            _wait_for(socket.AF_INET, ("127.0.0.1", port), process, home / "log")
            yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    """Yield a directory with a short name, as sockets need; nothing stays mounted below it."""
    home = Path(tempfile.mkdtemp(prefix="omni-"))
    try:
        yield home
    finally:
        mounts = Path("/proc/self/mountinfo").read_text().splitlines()
        places = [line.split()[4] for line in mounts]
        for place in sorted((p for p in places if p.startswith(f"{home}/")), reverse=True):
            subprocess.run(["umount", "--lazy", place], check=False)
        shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def _service(
    words: Sequence[str], place: Path, home: Path, variables: Mapping[str, str]
) -> Iterator[str]:
    with _started(words, home, variables) as process:
        _wait_for(socket.AF_UNIX, str(place), process, home / "log")
        yield f"unix://{place}"


@contextlib.contextmanager
def _started(
    words: Sequence[str], home: Path, variables: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    environment = {"PATH": SYSTEM_PATH, "HOME": str(home), **variables}
    with (home / "log").open("wb") as log:
        # Where an engine runs it leaves a file when a container runs out of memory.
        process = subprocess.Popen(words, stdout=log, stderr=log, env=environment, cwd=home)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(START_TIMEOUT)


def _wait_for(
    family: socket.AddressFamily, address: Any, process: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while True:
        with socket.socket(family) as probe:
            if probe.connect_ex(address) == 0:
                return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
