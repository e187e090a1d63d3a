"""Each web server on a booted host: loaded, reloaded, restarted, upgraded; nobody is dropped."""

from __future__ import annotations

import http.client
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, HostPool, eventually
from tests.acceptance.hosts.polling import polled
from tests.acceptance.products import omnibuild, replace
from tests.acceptance.steps import answers

PORT = 8120
SITE = f"http://127.0.0.1:{PORT}"
CLIENTS, REQUESTS = 16, 2000

PROJECT = """\
[build-system]
requires = ["flit_core>=3.9,<5"]
build-backend = "flit_core.buildapi"

[project]
name = "page"
version = "1.0.0"
description = "A page for every kind of server"
"""

PAGE = '''\
"""A page that says who asks, for WSGI and for ASGI; it is slow where it is told."""

import asyncio
import os
import time


def wsgi(environ, start_response):
    if environ["PATH_INFO"].startswith("/slow"):
        time.sleep(int(environ["PATH_INFO"][5:] or 1))
    text = f"{environ['REMOTE_ADDR']} {environ['wsgi.url_scheme']} {os.getpid()}".encode()
    start_response("200 OK", [("Content-Length", str(len(text)))])
    return [text]


async def asgi(scope, receive, send):
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    if scope["path"].startswith("/slow"):
        await asyncio.sleep(int(scope["path"][5:] or 1))
    client = scope["client"][0] if scope["client"] else "?"
    text = f"{client} {scope['scheme']} {os.getpid()}".encode()
    headers = [(b"content-length", str(len(text)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})
'''

RECIPE = """\
[app]
name = "page"
version = "1.0.0"
summary = "A page for every kind of server"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[source]
path = "project"

[python]
version = "3.13"

[web]
server = "{server}"
app = "page:{interface}"
listen = "127.0.0.1:{port}"
{words}
"""


@dataclass(frozen=True)
class Served:
    """How the page is served: by which server, through which interface, and what it is told."""

    server: str
    interface: str
    words: str = ""

    def __str__(self) -> str:
        return f"{self.server}-{self.interface}{'-nginx' if 'nginx' in self.words else ''}"


def limits(*names: str) -> str:
    """Return limits of a recipe, and a log that is a file."""
    values = {"body": 1, "request": SHORT, "keep-alive": IDLE, "graceful": SHORT}
    told = ", ".join(f"{name} = {values[name]}" for name in names)
    return f'limits = {{ {told} }}\naccess-log = "file"'


PROXIED = 'proxy = "nginx"'
IDLE, SHORT, LONG = 4, 3, "/slow12"
SERVED = (
    Served("gunicorn", "wsgi"),
    Served("gunicorn", "wsgi", PROXIED),
    Served("waitress", "wsgi", "threads = 8\nlimits = { graceful = 20, body = 2 }"),
    Served("waitress", "wsgi", PROXIED),
    Served("uwsgi", "wsgi", "limits = { body = 2 }"),
    Served("uwsgi", "wsgi", PROXIED),
    Served("apache", "wsgi", "limits = { graceful = 20, body = 2 }"),
    Served("apache", "wsgi", PROXIED),
    Served("twisted", "wsgi"),
    Served("twisted", "wsgi", PROXIED),
    Served("uvicorn", "asgi"),
    Served("hypercorn", "asgi"),
    Served("hypercorn", "wsgi", PROXIED),
)
# Each with all the limits that it can be told.
LIMITED = (
    Served("gunicorn", "wsgi", limits("request", "graceful")),
    Served("waitress", "wsgi", limits("body", "keep-alive", "graceful")),
    Served("uwsgi", "wsgi", limits("body", "request", "graceful")),
    Served("apache", "wsgi", limits("body", "request", "keep-alive", "graceful")),
    Served("twisted", "wsgi", limits("keep-alive", "graceful")),
    Served("uvicorn", "asgi", limits("keep-alive", "graceful")),
    Served("hypercorn", "asgi", limits("keep-alive", "graceful")),
    Served("waitress", "wsgi", f"{limits('body', 'request', 'keep-alive')}\n{PROXIED}"),
)


@pytest.fixture(scope="module")
def server(module_hosts: HostPool, packages: Path) -> BootedHost:
    """A booted server that sees the packages; it need not survive a power failure."""
    server = module_hosts.booted(binds={packages: "/packages"})
    server.write("/etc/dpkg/dpkg.cfg.d/unsafe-io", "force-unsafe-io\n")
    return server


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where packages are put for the server."""
    base = tmp_path_factory.mktemp("packages")
    for directory in (base, *base.parents[:2]):
        directory.chmod(0o755)
    return base


def build(served: Served, workspace: Path, packages: Path, *versions: str) -> Path:
    """Build versions of the page; returns the directory of all, as the server sees it."""
    (workspace / "project").mkdir()
    (workspace / "project/pyproject.toml").write_text(PROJECT)
    (workspace / "project/page.py").write_text(PAGE)
    recipe = workspace / "omnibuild.toml"
    recipe.write_text(
        RECIPE.format(
            server=served.server, interface=served.interface, port=PORT, words=served.words
        )
    )
    omnibuild("lock", "-C", workspace)
    for version in versions:
        replace(recipe, 'version = "1.0.0"', f'version = "{version}"')
        omnibuild("build", "-C", workspace, "-p", "debian-12", "-o", packages / workspace.name)
    return Path("/packages") / workspace.name


@pytest.mark.parametrize("served", SERVED, ids=str)
def test_nobody_is_dropped(
    served: Served, server: BootedHost, packages: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / str(served)
    workspace.mkdir()
    place = build(served, workspace, packages, "1.0.0", "1.1.0")
    server.run("dpkg", "--install", f"{place}/page_1.0.0-1_amd64.deb")
    eventually(lambda: answers(server, f"{SITE}/"), "it answers")
    address, scheme, process = server.fetch(f"{SITE}/").body.split()
    assert (address, scheme) == ("127.0.0.1", "http")
    assert server.user_of("page-web.service") == "page"

    assert server.on_network(sys.executable, "-m", __name__, "load", str(PORT)).stdout == "[]\n"
    eventually(lambda: 'GET / HTTP/1.1" 200' in server.journal("-u", "page-web"), "it is logged")

    main = server.unit("page-web.service")["MainPID"]
    with (
        polled(server, PORT, "/", tmp_path / "flag") as quick,
        polled(server, PORT, "/slow", tmp_path / "slow") as slow,
    ):
        server.run("systemctl", "reload", "page-web.service")
        eventually(lambda: process not in pids(server), "its processes are others")
        assert server.unit("page-web.service")["MainPID"] == main
        server.run("dpkg", "--install", f"{place}/page_1.1.0-1_amd64.deb")
        for _ in range(2):
            server.run("systemctl", "restart", "page.target")
        time.sleep(2)
    for counted in (*quick.result(), *slow.result()):
        assert counted.failures == []
        assert counted.answers > 1
    assert server.unit("page-web.service")["MainPID"] != main
    assert server.unit("page-web.service")["NRestarts"] == "0"
    server.run("dpkg", "--purge", "page")
    assert not server.exists("/opt/page")


@pytest.mark.parametrize("served", LIMITED, ids=str)
def test_limits_hold(served: Served, server: BootedHost, packages: Path, tmp_path: Path) -> None:
    workspace = tmp_path / f"{served}-limited"
    workspace.mkdir()
    place = build(served, workspace, packages, "1.0.0")
    server.run("dpkg", "--install", f"{place}/page_1.0.0-1_amd64.deb")
    eventually(lambda: answers(server, f"{SITE}/"), "it answers")

    if "body" in served.words:
        (tmp_path / "body").write_bytes(bytes(2 << 20))
        posted = status(server, "/", "--data-binary", f"@{tmp_path}/body")
        # uWSGI by itself just ends the connection.
        assert posted == ("000" if served.server == "uwsgi" else "413")
    if "request" in served.words:
        assert status(server, LONG) != "200"
        eventually(lambda: answers(server, f"{SITE}/"), "it answers again")
    if "keep-alive" in served.words:
        words = (sys.executable, "-m", __name__, "idle", str(PORT))
        assert abs(float(server.on_network(*words).stdout) - IDLE) < IDLE / 2
    if "graceful" in served.words:
        with ThreadPoolExecutor() as clients:
            asked = [clients.submit(status, server, path) for path in ("/slow2", LONG)]
            time.sleep(1)
            server.run("systemctl", "restart", "page-web.service")
            assert [one.result() == "200" for one in asked] == [True, False]
    eventually(
        lambda: '"GET / HTTP/1.1" 200' in server.read("/var/log/page/access.log"), "it is logged"
    )
    server.run("dpkg", "--purge", "page")


def status(server: BootedHost, path: str, *options: str) -> str:
    """Return the status of an answer; 000 if there is none."""
    words = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}")
    return server.on_network(*words, *options, f"{SITE}{path}", check=False).stdout


def pids(server: BootedHost) -> set[str]:
    """Return the processes of the server."""
    words = ("systemd-cgls", "--unit", "page-web.service", "--no-pager", "--full")
    return set(re.findall(r"[├└]─\s*([0-9]+) ", server.run(*words).stdout))


def load(port: int) -> list[str]:
    """Ask by many clients at once; returns what went wrong."""

    def ask(_: int) -> str:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", "/")
            answer = connection.getresponse()
            answer.read()
            return "" if answer.status == 200 else str(answer.status)
        except (OSError, http.client.HTTPException) as error:
            return repr(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(CLIENTS) as clients:
        return sorted(filter(None, clients.map(ask, range(REQUESTS))))


def idle(port: int) -> float:
    """Return after how many seconds the server ends a connection that asks no more."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/")
    connection.getresponse().read()
    since = time.monotonic()
    assert connection.sock.recv(1) == b""
    return time.monotonic() - since


if __name__ == "__main__":
    print({"idle": idle, "load": load}[sys.argv[1]](int(sys.argv[2])))  # noqa: T201
