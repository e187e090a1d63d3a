"""A shape of app after the other on a booted Debian 12: servers, timers, tools, no Python."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, HostPool, eventually
from tests.acceptance.hosts.polling import polled
from tests.acceptance.products import CHECKOUT, omnibuild, replace

WORKSPACE = CHECKOUT / "tests/acceptance/shapes"
APPS = ("live", "solo")

# By the app's own interpreter: a host has nothing else that speaks WebSocket.
SPEAK = """
from websockets.sync.client import connect
with connect("ws://127.0.0.1:8101/any") as socket:
    socket.send("hello")
    print(socket.recv())
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of every shape, each in two versions."""
    base = tmp_path_factory.mktemp("shapes")
    shutil.copytree(WORKSPACE, base / "workspace")
    for version in ("1.0.0", "1.1.0"):
        for app in APPS:
            recipe = base / "workspace/recipes" / f"{app}.toml"
            if version != "1.0.0":
                replace(recipe, 'version = "1.0.0"', f'version = "{version}"')
            place = ("-C", base / "workspace", "-o", base / "packages")
            omnibuild("build", app, *place, "-p", "debian-12")
    return base / "packages"


@pytest.fixture(scope="module")
def server(module_hosts: HostPool, packages: Path) -> BootedHost:
    """A booted server that sees the packages; it need not survive a power failure."""
    server = module_hosts.booted(binds={packages: "/packages"})
    server.write("/etc/dpkg/dpkg.cfg.d/unsafe-io", "force-unsafe-io\n")
    return server


def deb(app: str, version: str = "1.0.0") -> str:
    return f"/packages/{app}_{version}-1_amd64.deb"


def install(server: BootedHost, app: str, version: str = "1.0.0") -> str:
    """Install; nothing may be said but by dpkg itself."""
    done = server.run("dpkg", "--install", deb(app, version))
    assert f"{app}: " not in done.stderr
    return done.stderr


def purge(server: BootedHost, app: str) -> None:
    """Purge; nothing of the app may be left, running, failed or in the file system."""
    server.run("dpkg", "--purge", app)
    units = server.run("systemctl", "list-units", "--all", "--no-legend", f"{app}[.-]*").stdout
    assert units == ""
    places = ("/opt", "/etc", "/var/lib", "/var/log", "/run")
    left = [place for place in places if server.exists(f"{place}/{app}")]
    assert left == []
    assert server.exists("/opt")
    stamps = server.run("ls", "/var/lib/systemd/timers", check=False).stdout
    assert app not in stamps


def logged(server: BootedHost, unit: str, text: str) -> bool:
    return text in server.journal(f"--unit={unit}")


def started(server: BootedHost) -> int:
    """Return how often the present main process has started to serve."""
    main = server.unit("live-web.service")["MainPID"]
    return server.journal(f"_PID={main}").count("Application startup complete")


def test_asgi_behind_nginx(server: BootedHost, tmp_path: Path) -> None:
    install(server, "live")
    address, scheme, process = server.fetch("http://127.0.0.1:8101/page").body.split()
    assert (address, scheme) == ("127.0.0.1", "http")
    assert process != server.unit("live-web.service")["MainPID"]
    # What a worker prints is in the journal at once.
    eventually(lambda: logged(server, "live-web", "asked for /page"), "it is logged")
    said = server.run("/opt/live/bin/python3.13", "-I", "-c", SPEAK).stdout
    assert said == "hello!\n"

    with polled(server, 8101, "/", tmp_path / "flag") as counts:
        main = server.unit("live-web.service")["MainPID"]
        for _ in range(2):
            server.run("systemctl", "reload", "live-web", "live-nginx")
        assert server.unit("live-web.service")["MainPID"] == main
        server.run("dpkg", "--install", deb("live", "1.1.0"))
        server.run("systemctl", "restart", "live-web.service")
        # A single process cannot replace itself: it begins anew.
        server.write("/etc/live/environment", "WEB_CONCURRENCY=1\n")
        server.run("systemctl", "restart", "live-web.service")
        # The first one comes before it listens for such words, the second one is heard.
        server.run("systemctl", "reload", "live-web.service")
        eventually(lambda: started(server) == 1, "it serves")
        server.run("systemctl", "reload", "live-web.service")
        eventually(lambda: started(server) == 2, "it has begun anew")
    for counted in counts.result():
        assert counted.failures == []
        assert counted.answers > 20
    assert server.unit("live-web.service")["NRestarts"] == "0"
    purge(server, "live")


def test_a_server_of_its_own_takes_its_socket(server: BootedHost, tmp_path: Path) -> None:
    install(server, "solo")
    with polled(server, 8102, "/", tmp_path / "flag") as counts:
        server.run("dpkg", "--install", deb("solo", "1.1.0"))
        for _ in range(3):
            server.run("systemctl", "restart", "solo-web.service")
    for counted in counts.result():
        assert counted.failures == []
        assert counted.answers > 5
    eventually(lambda: logged(server, "solo-web", "asked for /"), "it is logged")
    assert server.unit("solo-web.service")["CanReload"] == "no"
    # Where it listens is the operator's choice.
    server.write("/etc/solo/environment", "SOLO_LISTEN=localhost:8103\n")
    server.run("systemctl", "restart", "solo-web.service")
    assert server.listening() == {"127.0.0.1:8103"}
    purge(server, "solo")
