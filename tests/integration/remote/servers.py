"""A real S3 server and a real web server on free ports of the loopback."""

from __future__ import annotations

import json
import socket
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

WEED = Path(sysconfig.get_path("scripts")) / "weed"
WEED_PORTS = (
    *("master.port", "master.port.grpc", "volume.port", "volume.port.grpc"),
    *("filer.port", "filer.port.grpc", "s3.port.grpc", "s3.port.iceberg", "s3.port.lance"),
)
# Access keys, and what they may do; the secret is the key's name again.
IDENTITIES = {"builder": ["Admin", "Read", "Write", "List"], "reader": ["Read", "List"]}

NGINX_CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/pid;
error_log {directory}/error.log;
events {{}}
http {{
    access_log {directory}/access.log combined;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        limit_rate {rate};
    }}
}}
"""


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]


class Server:
    """A server as a process of its own, which can be killed and started again."""

    def __init__(self, command: list[str], port: int, log: Path, ready: Callable[[], bool]) -> None:
        self._command = command
        self._log = log
        self._ready = ready
        self.port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        while not (self._accepts() and self._ready()):
            assert self._process.poll() is None, self._log.read_text()
            time.sleep(0.05)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _accepts(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def running(server: Server) -> Iterator[Server]:
    try:
        server.start()
        yield server
    finally:
        server.kill()


def nginx(program: str, root: Path, directory: Path, *, rate: str = "0") -> Server:
    """Return a web server that serves ``root``, at most ``rate`` bytes a second."""
    (port,) = free_ports(1)
    directory.mkdir()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        NGINX_CONFIGURATION.format(directory=directory, root=root, port=port, rate=rate)
    )
    command = [program, "-p", str(directory), "-e", str(directory / "start.log")]
    return Server([*command, "-c", str(configuration)], port, directory / "log", lambda: True)


def seaweedfs(directory: Path, ready: Callable[[int], bool]) -> Server:
    """Return an S3 server that knows :data:`IDENTITIES`; ``ready`` gets its port."""
    port, *others = free_ports(1 + len(WEED_PORTS))
    (directory / "data").mkdir(parents=True)
    identities = [
        {
            "name": name,
            "credentials": [{"accessKey": name, "secretKey": name}],
            "actions": actions,
        }
        for name, actions in IDENTITIES.items()
    ]
    # Who has no key at all.
    identities += [{"name": "anonymous", "actions": ["Read:public"]}]
    (directory / "s3.json").write_text(json.dumps({"identities": identities}))
    options = {
        **dict(zip(WEED_PORTS, map(str, others), strict=True)),
        "dir": str(directory / "data"),
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "s3.port": str(port),
        "s3.config": str(directory / "s3.json"),
        "s3": "true",
        # Each bucket takes seven, and so does what the server notes for itself, which it waits for.
        "volume.max": "30",
        "master.telemetry": "false",
    }
    command = [str(WEED), "server", *(f"-{name}={value}" for name, value in options.items())]
    return Server(command, port, directory / "log", lambda: ready(port))
