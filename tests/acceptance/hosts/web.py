"""Web servers inside a host's network: repositories by HTTP, TLS endpoints for health checks."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.acceptance.hosts.certificates import Certificate
from tests.acceptance.hosts.machine import NSENTER, SETPRIV, Host
from tests.acceptance.hosts.outcome import CommandFailedError, eventually

FILE_SERVER = Path(__file__).with_name("fileserver.py")


@contextlib.contextmanager
def serve(
    host: Host,
    directory: Path,
    *,
    port: int = 8000,
    address: str = "127.0.0.1",
    certificate: Certificate | None = None,
) -> Iterator[str]:
    """Serve a directory of this machine on the host's loopback, also while it reboots.

    Yields the URL, which ends without a slash. With a certificate the server speaks TLS.
    """
    log = host.scratch / f"server-{port}.log"
    host.logs.append(log)
    pair = (certificate.chain, certificate.key) if certificate else ()
    command: list[str | Path] = [
        *("--pdeathsig", "KILL", "--", NSENTER.path(), f"--target={host.keeper()}", "--net", "--"),
        *(sys.executable, FILE_SERVER, directory, address, str(port), *pair),
    ]
    with log.open("wb") as stream:
        server = SETPRIV.start(command, log=stream)
    try:

        def open_or_dead() -> bool:
            return log.read_bytes().startswith(b"serving") or server.poll() is not None

        eventually(open_or_dead, f"the server on port {port} is up")
        if server.poll() is not None:
            raise CommandFailedError(f"no server on port {port}:\n{log.read_text()}")
        scheme = "https" if certificate else "http"
        yield f"{scheme}://{certificate.name if certificate else address}:{port}"
    finally:
        server.kill()
        server.wait()
