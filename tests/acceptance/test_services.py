"""Services on booted hosts: restarts that nobody notices, failures, the operator's word."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, HostPool, eventually, serve
from tests.acceptance.hosts.polling import polled
from tests.acceptance.products import Products, next_version, omnibuild, replace
from tests.acceptance.steps import CONFIG, WEB, answers, running_below, visit

TARGET = "hello.target"
WEB_SERVICE, PROXY, EXTRA = "hello-web.service", "hello-nginx.service", "hello-extra.service"
LINK = f"/etc/systemd/system/multi-user.target.wants/{TARGET}"
PACKAGES = ("debian-12", "el9")


@pytest.fixture(scope="module")
def versions(products: Products, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of hello: one with a service more, one with none, one without a proxy."""
    base = tmp_path_factory.mktemp("versions")
    packages = base / "packages"
    extra = '[services.extra]\ncommand = "gunicorn --bind 127.0.0.1:9999 hello.web:application"\n'
    edits = {
        "0.9.0": lambda text: f"{text}\n{extra}",
        "1.2.0": served_by_none,
        "1.3.0": served_by_itself,
    }
    for version, edited in edits.items():
        workspace = next_version(base / version)
        recipe = workspace / "recipes/hello.toml"
        for path in (recipe, workspace / "examples/hello/pyproject.toml"):
            replace(path, 'version = "1.1.0"', f'version = "{version}"')
        replace(workspace / "examples/hello/src/hello/__init__.py", "1.1.0", version)
        recipe.write_text(edited(recipe.read_text()))
        platforms = [word for name in PACKAGES for word in ("-p", name)]
        omnibuild("build", "hello", "-C", workspace, "-o", packages, *platforms)
    for path in products.hello_next.iterdir():
        (packages / path.name).hardlink_to(path)
    return packages


def served_by_itself(recipe: str) -> str:
    """Return the recipe without its proxy, at a port of root's."""
    assert 'proxy = "nginx"\n' in recipe
    return recipe.replace('proxy = "nginx"\n', "").replace("127.0.0.1:8080", "127.0.0.1:80")


def served_by_none(recipe: str) -> str:
    """Return the recipe without its web server; the lock stays what it was."""
    recipe = recipe.replace('version = "3.13"\n', 'version = "3.13"\nrequire = ["gunicorn"]\n')
    return re.sub(r"\[web\]\n(?:.+\n)+", "", recipe)


def deb(version: str, suffix: str = "") -> str:
    return f"/versions/hello_{version}-1{suffix}_amd64.deb"


OLD = deb("1.1.0", "~deb11")


def rpm(version: str) -> str:
    return f"/versions/hello-{version}-1.x86_64.rpm"


def states(server: BootedHost, *units: str) -> list[str]:
    return [server.unit(unit)["ActiveState"] for unit in units]


@pytest.fixture(scope="module")
def server(module_hosts: HostPool, versions: Path) -> BootedHost:
    """A booted server that sees the packages; it need not survive a power failure."""
    server = module_hosts.booted(binds={versions: "/versions"})
    server.write("/etc/dpkg/dpkg.cfg.d/unsafe-io", "force-unsafe-io\n")
    return server


@pytest.fixture
def hello(server: BootedHost) -> BootedHost:
    """The server with hello 0.9.0: what an earlier test left, if it is that."""
    installed = server.run("dpkg-query", "-W", "-f", "${Version}", "hello", check=False).stdout
    if installed != "0.9.0-1":
        server.run("dpkg", "--purge", "hello")
        assert not server.exists(LINK)
        server.run("dpkg", "--install", deb("0.9.0"))
    assert answers(server, f"{WEB}/health")
    return server


def test_commands_run_as_the_user_of_the_app(hello: BootedHost) -> None:
    hello.shell("rm /var/lib/hello/hello.db; hello init-db")
    assert hello.run("stat", "--format=%U", "/var/lib/hello/hello.db").stdout == "hello\n"
    hello.add_user("bob", "/home/bob")
    done = hello.run("hello", "count", user="bob", check=False)
    assert done.status == 1
    assert "hello: bob may not use /var/lib/hello; root may: sudo hello\n" in done.stderr
    assert hello.run("hello", "--version", user="bob").output == "hello 0.9.0\n"
    # What the operator set is there for commands, too; the caller has the last word.
    hello.write("/etc/hello/environment", '# Set here.\n HELLO_CONFIG="/nowhere/set here"\n')
    assert "/nowhere/set here" in hello.run("hello", "count", check=False).stderr
    mine = {"HELLO_CONFIG": "/etc/hello/hello.toml"}
    assert hello.run("hello", "count", environment=mine).stdout == "0\n"
    hello.run("rm", "/etc/hello/environment")


def test_directories_are_where_the_operator_put_them(hello: BootedHost) -> None:
    hello.shell(
        """
        systemctl stop hello.target
        mkdir /srv/disk
        mv /var/lib/hello /srv/disk/state
        ln -s /srv/disk/state /var/lib/hello
        rm -r /var/log/hello /run/hello
        ln -s /srv/disk/logs /var/log/hello
        mkdir /srv/disk/logs
        dpkg-statoverride --add root adm 2750 /var/log/hello
        mount -t tmpfs -o mode=755 sockets /run/hello 2>/dev/null || mkdir /srv/disk/sockets
        [ ! -d /srv/disk/sockets ] || ln -s /srv/disk/sockets /run/hello
        systemctl start hello.target
        """
    )
    eventually(lambda: answers(hello, f"{WEB}/health"), "hello is healthy")
    visits = visit(hello).visits
    hello.run("dpkg", "--install", deb("1.1.0"))
    assert (visit(hello).version, visit(hello).visits) == ("1.1.0", visits + 2)
    owners = hello.run("stat", "-L", "-c", "%U:%G %a", "/var/lib/hello", "/var/log/hello").stdout
    assert owners.splitlines() == ["hello:hello 750", "root:adm 2750"]
    hello.run("dpkg", "--purge", "hello")
    assert hello.run("find", "/srv/disk/state").stdout == "/srv/disk/state\n"
    assert hello.exists("/var/lib/hello")
    hello.shell(
        """
        dpkg-statoverride --remove /var/log/hello
        rm -r /srv/disk /var/lib/hello /var/log/hello
        """
    )


def test_a_killed_service_comes_back_for_ever_after_growing_pauses(hello: BootedHost) -> None:
    assert hello.unit(WEB_SERVICE)["StartLimitIntervalUSec"] == "0"
    for restarts in ("1", "2"):
        hello.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", WEB_SERVICE)
        eventually(
            lambda: hello.unit(WEB_SERVICE)["SubState"] == "start-pre", "a pause", pause=0.05
        )
        eventually(lambda: states(hello, WEB_SERVICE) == ["active"], "it is back")
        assert hello.unit(WEB_SERVICE)["NRestarts"] == restarts
    # What was well for long enough begins anew. Nobody waits for ten minutes here.
    hello.run("sed", "-i", "s/ -ge 600000000 / -ge 1 /", "/opt/hello/libexec/unit")
    hello.run("systemctl", "kill", "--kill-who=main", "--signal=KILL", WEB_SERVICE)
    eventually(lambda: hello.unit(WEB_SERVICE)["NRestarts"] == "0", "pauses begin anew")
    eventually(lambda: answers(hello, f"{WEB}/health"), "hello is healthy")


def test_restarts_that_cross_do_not_wait_for_one_another(hello: BootedHost) -> None:
    slow = f"/run/systemd/system/{WEB_SERVICE}.d/slow.conf"
    hello.write(slow, "[Service]\nExecStopPost=/bin/sleep 6\n")
    hello.run("systemctl", "daemon-reload")
    hello.run("systemctl", "restart", "--no-block", WEB_SERVICE)
    eventually(lambda: hello.unit(WEB_SERVICE)["SubState"] == "stop-post", "nobody answers")
    with ThreadPoolExecutor(1) as pool:
        # The proxy has a request when it is told to stop, which the server answers once it is back.
        asked = pool.submit(hello.fetch, f"{WEB}/")
        # Nobody accepts what waits at the socket.
        eventually(
            lambda: any(
                "web.sock" in line and line.split()[2] != "0"
                for line in hello.on_network("ss", "-xlnH").stdout.splitlines()
            ),
            "the proxy asks",
        )
        hello.run("systemctl", "restart", PROXY)
        assert asked.result().status == 200
    hello.run("rm", slow)
    hello.run("systemctl", "daemon-reload")


def test_no_request_fails(hello: BootedHost, tmp_path: Path) -> None:
    # The shell has a kill of its own.
    hello.shell("rm -f /bin/kill")
    main = [hello.unit(unit)["MainPID"] for unit in (WEB_SERVICE, PROXY)]
    with polled(hello, 8080, "/", tmp_path / "flag") as counts:
        hello.run("systemctl", "reload", WEB_SERVICE, PROXY)
        assert [hello.unit(unit)["MainPID"] for unit in (WEB_SERVICE, PROXY)] == main
        hello.run("dpkg", "--install", deb("1.1.0"))
        for units in ((WEB_SERVICE,), (PROXY,), (TARGET,), (WEB_SERVICE, PROXY)):
            hello.run("systemctl", "restart", *units)
    for counted in counts.result():
        assert counted.failures == []
        assert counted.answers > 20
    assert visit(hello).version == "1.1.0"

    # What it cannot reload it refuses, and runs on.
    refused = {
        "sed -i 's/^worker_processes/no_such_word/' /etc/hello/nginx.conf": "no_such_word",
        "sed -i 's/^no_such_word/worker_processes/; s/listen 127.0.0.1:8080;/listen 8080;/'"
        " /etc/hello/nginx.conf": "listens on 127.0.0.1:8080, its configuration no longer says",
    }
    proxy = hello.unit(PROXY)["MainPID"]
    for change, said in refused.items():
        hello.shell(change)
        assert hello.run("systemctl", "reload", PROXY, check=False).status == 1
        assert said in hello.journal(f"--unit={PROXY}")
        assert hello.unit(PROXY)["MainPID"] == proxy
        assert visit(hello).version == "1.1.0"
    # Where it listens is what its configuration says, also when systemd keeps another socket.
    hello.run("systemctl", "restart", PROXY)
    assert {name for name in hello.listening() if ":8080" in name} == {"0.0.0.0:8080"}
    assert visit(hello).version == "1.1.0"


def test_no_request_fails_without_a_proxy(server: BootedHost, tmp_path: Path) -> None:
    server.run("dpkg", "--install", deb("1.3.0"))
    with polled(server, 80, "/", tmp_path / "flag") as counts:
        for _ in range(3):
            server.run("systemctl", "restart", WEB_SERVICE)
    for counted in counts.result():
        assert counted.failures == []
        assert counted.answers > 5
    # Where it listens is the operator's choice.
    server.write("/etc/hello/environment", "HELLO_LISTEN=127.0.0.1:8081\n")
    server.run("systemctl", "restart", WEB_SERVICE)
    assert server.listening() == {"127.0.0.1:8081"}
    server.run("dpkg", "--purge", "hello")


# A power failure, or somebody's patience, in the middle of postinst.
KILL_WHILE_IT_CONFIGURES = """
setsid dpkg --install "$1" >/dev/null 2>&1 &
is() { [ "$(dpkg-query -W -f '${db:Status-Status}' hello)" = "$1" ]; }
for status in half-installed half-configured; do
    until is $status; do sleep 0.02; done
done
kill -KILL "-$!"
wait || :
dpkg --configure -a
is installed
"""


def test_the_oldest_systemd_does_the_same(hosts: HostPool, versions: Path, tmp_path: Path) -> None:
    """Debian 11: restarts of both at once, an upgrade that is killed, odd files, a purge."""
    server = hosts.booted("bullseye", binds={versions: "/versions"})
    server.write("/etc/dpkg/dpkg.cfg.d/unsafe-io", "force-unsafe-io\n")
    # Nothing of the caller's counts, nor does it what the operator put in a file's place.
    server.write("/etc/hello/environment/theirs", "")
    server.shell("umask 077; unset HOME; dpkg --install " + OLD)
    eventually(lambda: answers(server, f"{WEB}/health"), "hello is healthy")
    assert server.run("runuser", "-u", "nobody", "--", "hello", "--version").stdout
    with polled(server, 8080, "/", tmp_path / "flag") as counts:
        for units in ((WEB_SERVICE, PROXY), (PROXY, WEB_SERVICE), (TARGET,)):
            server.run("systemctl", "restart", *units)
        server.run("sh", "-euc", KILL_WHILE_IT_CONFIGURES, "sh", OLD)
    for counted in counts.result():
        assert counted.failures == []
        assert counted.answers > 20
    assert states(server, TARGET, WEB_SERVICE, PROXY) == ["active"] * 3
    notes = server.run("find", "/run", "/var/lib/misc", "-name", "hello.*").stdout
    assert notes == "/var/lib/misc/hello.configuration\n"
    server.run("systemctl", "mask", TARGET)
    server.run("dpkg", "--purge", "hello")
    assert running_below(server, "/opt/hello") == []
    assert (
        server.run("find", "/etc/hello", "-type", "f").stdout == "/etc/hello/environment/theirs\n"
    )


def test_what_the_new_version_lacks_is_stopped(hello: BootedHost) -> None:
    assert states(hello, EXTRA) == ["active"]
    # A service of its own that the operator stopped, while the others go on.
    hello.run("systemctl", "stop", PROXY)
    hello.run("dpkg", "--install", deb("1.1.0"))
    assert states(hello, TARGET, WEB_SERVICE, PROXY) == ["active", "active", "inactive"]
    assert "127.0.0.1:9999" not in hello.listening()
    assert hello.unit(EXTRA)["LoadState"] == "not-found"

    hello.shell("mv /var/lib/dpkg/info/hello.prerm /tmp/prerm")
    hello.write("/var/lib/dpkg/info/hello.prerm", '#!/bin/sh\n/tmp/prerm "$@"\nexit 1\n', 0o755)
    assert hello.run("dpkg", "--remove", "hello", check=False).status == 1
    assert states(hello, TARGET, WEB_SERVICE, PROXY) == ["active", "active", "inactive"]
    hello.shell("mv /tmp/prerm /var/lib/dpkg/info/hello.prerm")

    # The old version's script runs, too, and has nothing to complain of.
    assert "post-removal" not in hello.run("dpkg", "--install", deb("1.2.0")).stderr
    assert not hello.exists(LINK)
    assert running_below(hello, "/opt/hello") == []
    assert hello.run("hello", "--version").stdout == "hello 1.2.0\n"

    hello.run("dpkg", "--install", deb("1.1.0"))
    assert states(hello, TARGET, WEB_SERVICE, PROXY) == ["active"] * 3


def test_what_the_operator_masked_stays_so(hello: BootedHost) -> None:
    hello.run("systemctl", "mask", "--now", PROXY)
    said = hello.run("dpkg", "--install", deb("1.1.0")).stderr
    assert states(hello, TARGET, WEB_SERVICE, PROXY) == ["active", "active", "inactive"]
    assert PROXY not in said
    hello.run("dpkg", "--remove", "hello")
    assert states(hello, WEB_SERVICE) == ["inactive"]
    hello.run("dpkg", "--install", deb("1.1.0"))
    assert states(hello, TARGET, WEB_SERVICE, PROXY) == ["active", "active", "inactive"]
    hello.run("dpkg", "--purge", "hello")
    assert hello.unit(PROXY)["LoadState"] == "masked"
    hello.run("systemctl", "unmask", PROXY)

    hello.run("systemctl", "mask", TARGET)
    said = hello.run("dpkg", "--install", deb("1.1.0")).stderr
    assert "hello: the services could not be enabled" in said
    assert states(hello, TARGET, WEB_SERVICE) == ["inactive"] * 2
    hello.run("systemctl", "unmask", TARGET)
    hello.run("systemctl", "enable", "--now", TARGET)
    assert answers(hello, f"{WEB}/health")
    hello.run("dpkg", "--purge", "hello")


def test_a_taken_port_is_said_at_installation(server: BootedHost, tmp_path: Path) -> None:
    server.run("dpkg", "--purge", "hello")
    with serve(server, tmp_path, port=8080):
        done = server.run("dpkg", "--install", deb("1.1.0"))
        assert f"hello: {PROXY} is not running" in done.stderr
        assert "cannot listen on 127.0.0.1:8080: another program listens there" in done.stderr
        assert WEB_SERVICE not in done.stderr
    # Nobody has to do anything once the port is free.
    eventually(lambda: answers(server, f"{WEB}/health"), "hello is healthy")
    server.run("dpkg", "--purge", "hello")
    assert server.run("systemctl", "list-units", "--all", "--no-legend", "hello*").stdout == ""


def test_el_keeps_what_runs_and_stops_what_is_gone(hosts: HostPool, versions: Path) -> None:
    server = hosts.booted_simulated_el(binds={versions: "/versions"})
    server.run("rpm", "--install", rpm("0.9.0"))
    # EL's presets enable nothing, and installing starts nothing.
    assert states(server, TARGET) == ["inactive"]
    server.run("systemctl", "enable", "--now", TARGET)
    server.run("systemctl", "stop", PROXY)
    # A new version that cannot be configured is no reason to lose the old one.
    main = server.unit(WEB_SERVICE)["MainPID"]
    configuration = server.read(CONFIG)
    server.write(CONFIG, 'database = "/nowhere/hello.db"\n')
    done = server.run("rpm", "--upgrade", rpm("1.1.0"), check=False)
    assert "hello: this version could not be configured" in done.output
    assert server.unit(WEB_SERVICE)["MainPID"] == main
    server.write(CONFIG, configuration)
    said = server.run("rpm", "--upgrade", "--force", rpm("1.1.0")).output
    assert "changed on disk" not in said
    assert server.unit(WEB_SERVICE)["MainPID"] != main
    assert states(server, TARGET, WEB_SERVICE, PROXY) == ["active", "active", "inactive"]
    assert "127.0.0.1:9999" not in server.listening()
    server.run("systemctl", "start", PROXY)
    assert visit(server).version == "1.1.0"
    server.run("rpm", "--upgrade", rpm("1.2.0"))
    assert not server.exists(LINK)
    assert running_below(server, "/opt/hello") == []
