"""A shape of app after the other on a booted Debian 12: servers, timers, tools, no Python."""

from __future__ import annotations

import itertools
import json
import re
import shutil
from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, HostPool, eventually, serve
from tests.acceptance.hosts.polling import polled
from tests.acceptance.products import SHAPES, omnibuild, replace
from tests.acceptance.steps import answers, running_below
from tests.acceptance.workspaces import Workspace, archive

APPS = ("live", "solo", "told", "plain", "shelf")
ONE_VERSION = ("told", "shelf")

# A program that says what it is told, its mode, and whether it is root's.
SPEAKER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv) {
    const char *mode = getenv("MODE");
    for (int i = 1; i < argc; i++) printf("%s ", argv[i]);
    printf("in mode %s%s\n", mode ? mode : "none", getuid() ? "" : " as root");
    fflush(stdout);
    if (argc > 1 && !strcmp(argv[1], "wait")) pause();
    return 0;
}
"""

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
    shutil.copytree(SHAPES, base / "workspace")
    add_speaker(base / "workspace")
    for app, version in itertools.product(APPS, ("1.0.0", "1.1.0")):
        if version == "1.0.0" or app not in ONE_VERSION:
            recipe = base / "workspace/recipes" / f"{app}.toml"
            if version != "1.0.0":
                replace(recipe, 'version = "1.0.0"', f'version = "{version}"')
                # A service and a timer less.
                tables = re.compile(r"\[(services\.web|timers\.tick)\]\n(?:.+\n)+")
                recipe.write_text(tables.sub("", recipe.read_text()))
            place = ("-C", base / "workspace", "-o", base / "packages")
            omnibuild("build", app, *place, "-p", "debian-12")
    return base / "packages"


def add_speaker(workspace: Path) -> None:
    """Add the component ``speaker`` to a workspace."""
    members = {"speaker-1.0/speaker.c": SPEAKER, "speaker-1.0/LICENSE": "Do what you like.\n"}
    component = Workspace(
        workspace,
        steps=('mkdir -p "$PREFIX/bin"', '$CC $CFLAGS speaker.c -o "$PREFIX/bin/speaker" $LDFLAGS'),
        data=archive(members),
        test="$PREFIX/bin/speaker",
    )
    source = workspace / "speaker.tar.gz"
    source.write_bytes(component.data)
    definition = workspace / "software/speaker.toml"
    definition.parent.mkdir()
    definition.write_text(component.software("speaker", source.as_uri()))


@pytest.fixture(scope="module")
def server(module_hosts: HostPool, packages: Path) -> BootedHost:
    """A booted server that sees the packages; it need not survive a power failure."""
    server = module_hosts.booted(binds={packages: "/packages"})
    server.write("/etc/dpkg/dpkg.cfg.d/unsafe-io", "force-unsafe-io\n")
    return server


@pytest.fixture(scope="module")
def el_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ASGI app without a proxy and with a timer, for EL; its next version has no timer."""
    base = tmp_path_factory.mktemp("el")
    shutil.copytree(SHAPES, base / "workspace")
    recipe = base / "workspace/recipes/live.toml"
    replace(recipe, 'proxy = "nginx"\n', "")
    timer = (SHAPES / "recipes/solo.toml").read_text().partition("[timers.tick]")[2]
    timer = timer.replace("[commands]\nsolo-now", "[commands]\nlive-now")
    text = recipe.read_text()
    for version, tables in (
        ("1.0.0", f'\n[timers.tick]{timer}SOLO_STATE = "/var/lib/live"\n'),
        ("1.1.0", ""),
    ):
        recipe.write_text(text.replace('version = "1.0.0"', f'version = "{version}"') + tables)
        place = ("-C", base / "workspace", "-o", base / "packages")
        omnibuild("build", "live", *place, "-p", "el9")
    return base / "packages"


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


def test_el_runs_timers_and_uvicorn_without_a_proxy(
    hosts: HostPool, el_packages: Path, tmp_path: Path
) -> None:
    server = hosts.booted_simulated_el(binds={el_packages: "/packages"})
    server.run("rpm", "--install", "/packages/live-1.0.0-1.x86_64.rpm")
    server.run("systemctl", "enable", "--now", "live.target")
    eventually(lambda: logged(server, "live-tick", "tick of live in mode packaged"), "it ticks")
    server.write("/etc/live/environment", "MODE=quick\n")
    assert server.run("live-now").stdout == "tick of live in mode quick\n"
    eventually(lambda: logged(server, "live-tick", "tick of live in mode quick"), "it ticks on")
    assert server.fetch("http://127.0.0.1:8101/").body.startswith("127.0.0.1 http ")

    with polled(server, 8101, "/", tmp_path / "flag") as counts:
        main = server.unit("live-web.service")["MainPID"]
        server.run("systemctl", "reload", "live-web.service")
        server.run("systemctl", "restart", "live-web.service")
        assert server.unit("live-web.service")["MainPID"] != main
        server.run("rpm", "--upgrade", "/packages/live-1.1.0-1.x86_64.rpm")
        server.run("systemctl", "restart", "live.target")
    for counted in counts.result():
        assert counted.failures == []
        assert counted.answers > 5
    assert "live-tick" not in server.run("systemctl", "list-units", "--all").stdout
    assert server.unit("live-web.service")["NRestarts"] == "0"

    server.run("rpm", "--erase", "live")
    assert server.run("systemctl", "list-units", "--all", "--no-legend", "live[.-]*").stdout == ""
    assert running_below(server, "/opt/live") == []
    assert "live" not in server.run("ls", "/var/lib/systemd/timers").stdout


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


def test_a_server_is_told_where_to_listen(server: BootedHost, tmp_path: Path) -> None:
    with serve(server, tmp_path, port=8104):
        said = server.run("dpkg", "--install", deb("told")).stderr
        assert "told: told-web.service is not running" in said
        assert "Address already in use" in said
    eventually(lambda: answers(server, "http://127.0.0.1:8104/"), "it is there")
    server.write("/etc/told/environment", "TOLD_LISTEN=0.0.0.0:8105\n")
    server.run("systemctl", "restart", "told-web.service")
    eventually(lambda: server.listening() == {"0.0.0.0:8105"}, "it moves")
    purge(server, "told")


def test_what_build_steps_made_is_served(server: BootedHost) -> None:
    """Static files of Django and a front end, by nginx."""
    install(server, "shelf")
    eventually(lambda: server.fetch("http://127.0.0.1:8106/").status == 200, "it answers")
    path, script = server.fetch("http://127.0.0.1:8106/").body.splitlines()
    assert re.fullmatch(r"/static/shelf/style\.[0-9a-f]{12}\.css", path)
    # What was bundled was there to be collected, and needs nothing of npm any more.
    bundle = server.fetch(f"http://127.0.0.1:8106{script}").body
    assert "document.title" in bundle
    assert "import" not in bundle
    # The app itself serves no files.
    server.run("systemctl", "stop", "shelf-web.service")
    for name, kept in (
        (path, "public, max-age=31536000, immutable"),
        ("/static/shelf/style.css", "no-cache"),
    ):
        page = server.fetch(f"http://127.0.0.1:8106{name}", "--include").body.replace("\r", "")
        assert "Content-Type: text/css\n" in page
        assert f"Cache-Control: {kept}\n" in page
        assert "ETag" not in page
        assert "Last-Modified" not in page
        assert page.endswith("\n\nbody { color: teal }\n")
    assert server.fetch("http://127.0.0.1:8106/static/").status == 403
    assert (
        server.fetch("http://127.0.0.1:8106/static/../bin/shelf-run", "--path-as-is").status != 200
    )
    assert not server.exists("/opt/shelf/app/ui")
    manifest = json.loads(server.read("/opt/shelf/share/omnibuild/manifest.json"))
    assert {one["name"] for one in manifest["npm"]} == {"@esbuild/linux-x64", "esbuild", "nanoid"}
    purge(server, "shelf")


def test_timers_and_commands(server: BootedHost) -> None:
    install(server, "solo")
    eventually(lambda: logged(server, "solo-tick", "tick of solo in mode packaged"), "it ticks")
    # Once more is what a command does: as the same user, with what the operator set.
    server.write("/etc/solo/environment", "MODE=quick\n")
    assert server.run("solo-now").stdout == "tick of solo in mode quick\n"
    assert server.run("stat", "-c", "%U", "/var/lib/solo/ticks").stdout == "solo\n"
    eventually(lambda: logged(server, "solo-tick", "tick of solo in mode quick"), "it ticks on")
    timer = server.unit("solo-tick.timer")
    assert (timer["ActiveState"], timer["Persistent"]) == ("active", "yes")
    # A job that fails is no failure of the app, and nothing that is left over.
    server.shell("rm /var/lib/solo/ticks; mkdir /var/lib/solo/ticks")
    eventually(lambda: server.unit("solo-tick.service")["Result"] == "exit-code", "it fails")
    # Without it in the recipe there is none.
    install(server, "solo", "1.1.0")
    assert server.unit("solo-tick.timer")["LoadState"] == "not-found"
    assert "solo-tick" not in server.run("systemctl", "list-units", "--all").stdout
    purge(server, "solo")


def test_without_python(server: BootedHost) -> None:
    install(server, "plain")
    assert not server.exists("/opt/plain/bin/python3.13")
    for name in ("web", "nginx"):
        assert server.user_of(f"plain-{name}.service") == "plain"
        assert logged(server, f"plain-{name}", "wait in mode packaged")
    eventually(lambda: logged(server, "plain-tick", "tick in mode packaged"), "it ticks")
    server.write("/etc/plain/environment", "MODE=quick\n")
    # Root's commands become the app's user without an interpreter, too.
    assert server.run("speaker", "a b").stdout == "once a b in mode quick\n"
    state = ("/opt/plain/bin/plain-run", "--state", "/tmp/state")
    assert server.run(*state, "speaker").stdout == "once in mode packaged as root\n"
    # An upgrade keeps what the operator stopped.
    server.run("systemctl", "stop", "plain-tick.timer")
    install(server, "plain")
    timer, job = "plain-tick.timer", "plain-tick.service"
    assert [server.unit(unit)["ActiveState"] for unit in (timer, job)] == ["inactive"] * 2
    install(server, "plain", "1.1.0")
    assert server.unit("plain-nginx.service")["ActiveState"] == "active"
    for gone in ("plain-web.service", "plain-tick.timer", "plain-tick.service"):
        assert server.unit(gone)["LoadState"] == "not-found"
    assert running_below(server, "/opt/plain") == ["/opt/plain/bin/speaker wait "]
    purge(server, "plain")
