"""Sockets that outlive a restart: a real kernel, and this test in the place of systemd."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild.host.servers.programs import listen
from omnibuild.host.servers.programs.listen import Address, nginx_addresses

# What becomes the server: it says what it was given.
SERVER = """
import json, os, socket
first = [socket.socket(fileno=3 + n) for n in range(int(os.environ.get("LISTEN_FDS", 0)))]
print(json.dumps({
    "at": [one.getsockname() for one in first],
    "listening": [one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for one in first],
    "own": os.environ.get("LISTEN_PID") == str(os.getpid()),
}))
"""


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as opened:
        opened.bind(str(tmp_path / "notify"))
        opened.setblocking(False)
        yield opened


def heard(manager: socket.socket) -> list[tuple[str, list[int]]]:
    """Return the messages so far, with their descriptors."""
    found = []
    while True:
        try:
            data, descriptors, _, _ = socket.recv_fds(manager, 1000, 8)
        except BlockingIOError:
            return found
        found.append((data.decode(), list(descriptors)))


def start(
    manager: socket.socket, address: str, kept: dict[str, int] | None = None, way: str = "gunicorn"
) -> subprocess.CompletedProcess[str]:
    """Start a server as systemd does: what it kept is there from descriptor 3 on."""
    script = 'shift; LISTEN_PID=$$; export LISTEN_PID; exec "$@"'
    environment = {"NOTIFY_SOCKET": manager.getsockname(), "PATH": "/usr/bin:/bin"}
    if kept:
        script = "".join(f"exec {3 + n}<&{fd}; " for n, fd in enumerate(kept.values())) + script
        environment |= {"LISTEN_FDS": str(len(kept)), "LISTEN_FDNAMES": ":".join(kept)}
    program = [sys.executable, "-I", "-S", "-B", listen.__file__, way, address]
    return subprocess.run(
        ["bash", "-c", script, "", "", *program, sys.executable, "-c", SERVER],
        env=environment,
        pass_fds=list((kept or {}).values()),
        capture_output=True,
        text=True,
        check=False,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_socket_is_kept_until_another_one_is_wanted(
    manager: socket.socket, tmp_path: Path, kind: str
) -> None:
    first, second = (
        (f"127.0.0.1:{free_port()}", f"0.0.0.0:{free_port()}")
        if kind == "tcp"
        else (f"unix:{tmp_path}/1.sock", f"unix:{tmp_path}/2.sock")
    )
    given = json.loads(start(manager, first).stdout)
    assert (len(given["at"]), given["listening"], given["own"]) == (1, [1], True)
    ((said, (descriptor,)),) = heard(manager)
    name = first.replace(":", "/")
    assert said == f"FDSTORE=1\nFDNAME={name}"

    # The next start is given the same one, and says nothing.
    assert json.loads(start(manager, first, {name: descriptor}).stdout) == given
    assert heard(manager) == []

    again = json.loads(start(manager, second, {name: descriptor}).stdout)
    assert again["at"] != given["at"]
    messages = heard(manager)
    assert [text for text, _ in messages] == [
        f"FDSTOREREMOVE=1\nFDNAME={name}",
        f"FDSTORE=1\nFDNAME={second.replace(':', '/')}",
    ]
    for closed in (descriptor, *messages[1][1]):
        os.close(closed)


@pytest.mark.parametrize(
    ("way", "ready"), [("gunicorn", False), ("socket", True), ("telling", False)]
)
def test_who_says_that_it_is_ready(manager: socket.socket, way: str, ready: bool) -> None:
    said = start(manager, f"127.0.0.1:{free_port()}", way=way)
    # One that knows its descriptor must not take the variables for another socket.
    assert len(json.loads(said.stdout)["at"]) == (way != "telling")
    messages = heard(manager)
    assert ("READY=1" in [text for text, _ in messages]) is ready
    for _, descriptors in messages:
        for one in descriptors:
            os.close(one)


def test_a_path_that_is_gone_is_made_again(manager: socket.socket, tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/web.sock"
    start(manager, address)
    ((_, (descriptor,)),) = heard(manager)
    (tmp_path / "web.sock").unlink()
    start(manager, address, {"any": descriptor})
    assert (tmp_path / "web.sock").is_socket()
    for _, descriptors in heard(manager):
        for one in descriptors:
            os.close(one)
    os.close(descriptor)


def test_a_taken_address_is_called_so(manager: socket.socket) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = start(manager, f"127.0.0.1:{port}")
    assert done.returncode == 1
    assert done.stderr == (f"cannot listen on 127.0.0.1:{port}: another program listens there\n")


def test_names_are_left_to_the_server(manager: socket.socket) -> None:
    assert json.loads(start(manager, "localhost:8080").stdout)["at"] == []
    assert heard(manager) == []


@pytest.mark.parametrize(
    ("listen", "addresses"),
    [
        ("listen 127.0.0.1:8080;", ["127.0.0.1:8080"]),
        ("listen 80; listen [::]:80;", ["0.0.0.0:80", "[::]:80"]),
        ("server { listen *:80 default_server; }", ["0.0.0.0:80"]),
        ("listen 443 ssl;\nlisten 443 ssl;", ["0.0.0.0:443"]),
        # nginx listens once for both.
        ("listen 127.0.0.1:80; listen 80;", ["0.0.0.0:80"]),
        ("listen 127.0.0.1:80; listen [::]:80;", ["127.0.0.1:80", "[::]:80"]),
        ("# listen 80;\nlisten 81; # listen 82;", ["0.0.0.0:81"]),
        # What nginx must open itself.
        ("listen localhost:80; listen unix:/run/x; listen 80 reuseport; listen 53 udp;", []),
        ("listen [::]:80 ipv6only=off; listen 443 quic reuseport;", []),
        # Said once, true of the address wherever it stands.
        ("listen [::]:80 ipv6only=off; } server { listen [::]:80;", []),
        ("listen 80 reuseport; listen 127.0.0.1:80; listen 80;", []),
        ("listen $port; listen 127.0.0.1;", []),
        ("listen_backlog 80;", []),
    ],
)
def test_addresses_of_nginx(listen: str, addresses: list[str]) -> None:
    assert [str(one) for one in nginx_addresses(listen)] == addresses


def test_a_manager_that_is_gone_is_no_reason_not_to_serve(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    listen.notify("READY=1")
    assert "systemd cannot be told" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "8080x", "host:80", "[::1]", "[::1:80", "127.0.0.1", "-1"])
def test_no_address(text: str) -> None:
    assert Address.parse(text) is None


def test_a_server_without_systemd_is_given_its_socket(tmp_path: Path) -> None:
    port = free_port()
    program = [sys.executable, "-I", "-S", "-B", listen.__file__, "socket", f"localhost:{port}"]
    code = f"import signal; print(signal.getsignal(1) is signal.SIG_IGN);{SERVER}"
    done = subprocess.run(
        [*program, sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True
    )
    ignored, given = done.stdout.splitlines()
    assert json.loads(given) == {"at": [["127.0.0.1", port]], "listening": [1], "own": True}
    # Systemd may pass on a reload before the server heeds any.
    assert ignored == "True"


def test_a_name_that_nobody_has_is_said() -> None:
    program = [sys.executable, "-I", "-S", "-B", listen.__file__, "socket", "nowhere.invalid:80"]
    done = subprocess.run([*program, "/bin/true"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("cannot listen on nowhere.invalid:80: ")
