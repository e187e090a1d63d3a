"""Debian 12 with systemd as process 1: services from the first installation to the purge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.hosts import Authority, BootedHost, HostPool, eventually, serve, trust
from tests.acceptance.products import Products
from tests.acceptance.steps import (
    CONFIG,
    WEB,
    answers,
    assert_account_is_locked,
    follow_the_page,
    visit,
)

TARGET = "hello.target"
SERVICES = ("hello-web.service", "hello-nginx.service")
# Nothing is asked, so nothing has to be said of configuration.
UNATTENDED = ("apt-get", "--yes")
# What belongs to the host itself.
HOST_STATE = (
    *("/var/lib/dpkg/", "/var/lib/apt/", "/var/cache/apt/", "/var/log/apt/", "/var/log/journal/"),
    *("/etc/apt/", "/tmp/", "/var/tmp/", "/var/lib/systemd/timers/"),
)


def assert_running(server: BootedHost, version: str = "1.0.0") -> int:
    """Check that all runs as it should; returns the number of this visit."""
    eventually(lambda: answers(server, f"{WEB}/health"), "hello is healthy")
    assert server.unit(TARGET)["ActiveState"] == "active"
    for service in SERVICES:
        assert server.unit(service)["ActiveState"] == "active"
        assert server.user_of(service) == "hello"
    assert {name for name in server.listening() if name.endswith(":8080")} == {"127.0.0.1:8080"}
    page = visit(server)
    assert (page.server, page.version) == ("nginx", version)
    assert visit(server).visits == page.visits + 1
    return page.visits + 1


def assert_stopped(server: BootedHost) -> None:
    """Check that nothing runs and the port is free."""
    # Stopping a target does not wait for its services.
    eventually(
        lambda: {server.unit(unit)["ActiveState"] for unit in (TARGET, *SERVICES)} == {"inactive"},
        "everything is stopped",
    )
    assert not [name for name in server.listening() if name.endswith(":8080")]


def test_the_installer_brings_services_that_survive_a_reboot(
    hosts: HostPool, products: Products, authority: Authority, tmp_path: Path
) -> None:
    server = hosts.booted()
    with serve(server, products.repository) as url:
        said = server.shell(f"curl -fsSL {url}/install.sh | sh -s -- --url {url} hello").stdout
        assert "hello=1.0.0-1 is installed" in said
        # Nobody else can be reached from outside: the repository and the app are all there is.
        assert server.listening() == {"127.0.0.1:8000", "127.0.0.1:8080"}
    assert_running(server)

    server.write(CONFIG, 'tls-check = "localhost:8443"\n')
    with serve(server, tmp_path, port=8443, certificate=authority.issue()):
        distrusted = server.fetch(f"{WEB}/health")
        assert (distrusted.status, "certificate verify failed" in distrusted.body) == (503, True)
        trust(server, authority)
        server.run("systemctl", "restart", TARGET)
        eventually(lambda: answers(server, f"{WEB}/health"), "the health check trusts the server")
        assert '"tls": "ok: TLSv1.3"' in server.fetch(f"{WEB}/health").body
        visits = assert_running(server)
        server.reboot()
        assert assert_running(server) == visits + 2
    assert server.state() == "running"
    assert server.fetch(f"{WEB}/health").status == 503
    # Whoever installs is told, and the installation is none the worse for it.
    said = server.run("dpkg-reconfigure", "hello")
    assert f"hello: {WEB}/health answers 503" in said.stderr + said.stdout


@pytest.fixture(scope="module")
def server(module_hosts: HostPool, products: Products) -> Iterator[BootedHost]:
    """A server whose repository has hello 1.0.0 and 1.1.0; neither is installed yet."""
    server = module_hosts.booted()
    with serve(server, products.repository) as url:
        follow_the_page(server, products.repository, url)
    assert_running(server)
    server.run("apt-get", "purge", "--yes", "hello")
    with serve(server, products.repository_next):
        server.run("apt-get", "update")
        yield server


@pytest.fixture
def hello(server: BootedHost) -> BootedHost:
    """The server with a fresh hello 1.0.0, whose page was visited twice."""
    server.run("apt-get", "purge", "--yes", "hello")
    server.run("apt-get", "install", "--yes", "hello=1.0.0-1")
    assert assert_running(server) == 2
    return server


def test_upgrade_replaces_what_was_not_edited(hello: BootedHost) -> None:
    hello.run("apt-get", "upgrade", "--yes")
    assert assert_running(hello, "1.1.0") == 4
    assert visit(hello).title == "Hello from omnibuild 1.1"


def test_unattended_upgrade_keeps_configuration_and_data(hello: BootedHost) -> None:
    edited = hello.read(CONFIG).replace("Hello from omnibuild", "Edited")
    hello.write(CONFIG, edited)
    hello.run(*UNATTENDED, "install", "hello")
    assert assert_running(hello, "1.1.0") == 4
    assert hello.read(CONFIG) == edited
    assert visit(hello).title == "Edited"
    assert 'title = "Hello from omnibuild 1.1"' in hello.read(f"{CONFIG}.dpkg-dist")

    # Back again: the same holds for a downgrade.
    hello.run(*UNATTENDED, "--allow-downgrades", "install", "hello=1.0.0-1")
    assert assert_running(hello) == 7
    assert hello.read(CONFIG) == edited


@pytest.mark.parametrize("disable", [("stop",), ("disable", "--now")], ids=["stop", "disable"])
def test_upgrade_does_not_start_what_the_operator_stopped(
    hello: BootedHost, disable: tuple[str, ...]
) -> None:
    hello.run("systemctl", *disable, TARGET)
    enabled = hello.unit(TARGET)["UnitFileState"]
    assert_stopped(hello)
    hello.run("apt-get", "upgrade", "--yes")
    assert_stopped(hello)
    assert hello.unit(TARGET)["UnitFileState"] == enabled
    hello.run("systemctl", "start", TARGET)
    assert assert_running(hello, "1.1.0") == 4


def test_remove_keeps_and_reinstallation_resumes(hello: BootedHost) -> None:
    hello.write(CONFIG, 'title = "Edited"\n')
    hello.run("apt-get", "remove", "--yes", "hello")
    assert_stopped(hello)
    assert not hello.exists("/opt/hello")
    assert hello.read(CONFIG) == 'title = "Edited"\n'
    hello.run(*UNATTENDED, "install", "hello=1.0.0-1")
    assert assert_running(hello) == 4
    assert visit(hello).title == "Edited"
    assert hello.unit(TARGET)["UnitFileState"] == "enabled"


def test_purge_leaves_nothing_but_the_account(server: BootedHost) -> None:
    server.run("apt-get", "purge", "--yes", "hello")
    # The account is there: the server has had hello before.
    before = server.paths()
    server.run("apt-get", "install", "--yes", "hello=1.0.0-1")
    assert_running(server)
    server.write("/etc/hello/environment", "WEB_CONCURRENCY=1\n")
    server.run("systemctl", "restart", TARGET)
    assert_running(server)
    server.run("apt-get", "purge", "--yes", "hello")
    assert_stopped(server)
    changed = {path for path in server.paths() ^ before if not path.startswith(HOST_STATE)}
    assert changed == set()
    assert not server.exists("/run/hello")
    assert server.run("systemctl", "list-units", "--all", "--no-legend", "hello*").stdout == ""
    assert_account_is_locked(server)
