"""A real sshd on a free port of the loopback, and ssh with a configuration of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

from tests.integration.remote.servers import free_ports

SSHD = "/usr/sbin/sshd"
SERVER = """
Port {port}
ListenAddress 127.0.0.1
HostKey {base}/host-key
AuthorizedKeysFile {base}/key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 200
{more}
"""
CLIENT = """
IdentityFile {base}/key
IdentitiesOnly yes
IdentityAgent none
UserKnownHostsFile {base}/known_hosts
GlobalKnownHostsFile /dev/null
"""


@dataclass(frozen=True)
class Host:
    """A host that one can log in to, as ssh is configured in ``base``."""

    base: Path
    port: int
    process: subprocess.Popen[bytes]

    def url(self, path: Path | str) -> str:
        return f"ssh://{getuser()}@127.0.0.1:{self.port}{path}"

    def sessions(self) -> list[int]:
        """Return the processes of the server that each serve a connection."""
        done = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(word) for word in done.stdout.split()]

    def cut(self) -> None:
        """Have all connections lost."""
        for process in self.sessions():
            children = ["pgrep", "-P", str(process)]
            below = subprocess.run(children, capture_output=True, text=True, check=False)
            for each in (process, *map(int, below.stdout.split())):
                with suppress(ProcessLookupError):
                    os.kill(each, signal.SIGKILL)


@contextmanager
def host(base: Path, more: str = "") -> Iterator[Host]:
    """Run a server; ``more`` is for its configuration. Yields it, when it answers."""
    base.mkdir()
    # Its owner's alone, whatever the directory of tests is.
    for name in ("host-key", "key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(base / name)]
        subprocess.run(command, check=True)
    (port,) = free_ports(1)
    (base / "server").write_text(SERVER.format(base=base, port=port, more=more))
    (base / "client").write_text(CLIENT.format(base=base))
    know(base, port)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with (base / "log").open("wb") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(base / "server")], stderr=log)
    try:
        while b"Server listening" not in (base / "log").read_bytes():
            assert process.poll() is None, (base / "log").read_text()
            time.sleep(0.02)
        yield Host(base, port, process)
    finally:
        process.terminate()
        process.wait()


def know(base: Path, port: int, key: str = "host-key.pub") -> None:
    """Have ssh know the host by a key."""
    kind, content, *_ = (base / key).read_text().split()
    (base / "known_hosts").write_text(f"[127.0.0.1]:{port} {kind} {content}\n")


def ssh(base: Path, directory: Path, *options: str) -> Path:
    """Make the program that is first on PATH: OpenSSH's, with a configuration of the test's own."""
    program = directory / "ssh"
    directory.mkdir(exist_ok=True)
    words = " ".join(options)
    program.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {base}/client {words} "$@"\n')
    program.chmod(0o755)
    return directory


def main() -> None:
    """Pass bytes on, late by half the seconds that are asked for: a line that is far away."""
    import selectors
    import socket

    port, delay = int(sys.argv[1]), float(sys.argv[2]) / 2
    far = socket.create_connection(("127.0.0.1", port))
    far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    waiting: list[tuple[float, int, bytes]] = []
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ, 1)
    selector.register(far, selectors.EVENT_READ, 0)
    while True:
        pause = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for ready, _ in selector.select(pause):
            data = os.read(0, 1 << 16) if ready.data else far.recv(1 << 16)
            waiting.append((time.monotonic() + delay, ready.data, data))
        while waiting and waiting[0][0] <= time.monotonic():
            _, there, data = waiting.pop(0)
            if not data:
                return
            if there:
                far.sendall(data)
            else:
                os.write(1, data)


if __name__ == "__main__":
    main()
