"""Debian 11, 12 and 13 without systemd, as in containers and images: packages install and run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omnibuild.repository.publish import publish
from tests.acceptance.hosts import CommandFailedError, HostPool, serve
from tests.acceptance.products import Products
from tests.acceptance.steps import (
    CONFIG,
    assert_account_is_locked,
    assert_self_contained,
    follow_the_page,
    running,
    visit,
)
from tests.unit.repository.samples import DEBIAN_11, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

# dpkg of Debian 11 reads no zstd: it has a revision and a suite of its own.
DEBIANS = [
    pytest.param("bullseye", "Debian 11 (bullseye)", "1.0.0-1~deb11", id="11"),
    pytest.param("bookworm", "", "1.0.0-1", id="12"),
    pytest.param("trixie", "", "1.0.0-1", id="13"),
]

# What belongs to the host itself.
HOST_STATE = (
    *("/var/lib/dpkg/", "/var/lib/apt/", "/var/cache/apt/", "/var/log/apt/", "/var/log/dpkg.log"),
    *("/etc/apt/", "/tmp/"),
)


@pytest.mark.parametrize(("suite", "release", "version"), DEBIANS)
def test_hello_installs_and_serves(
    hosts: HostPool, products: Products, suite: str, release: str, version: str
) -> None:
    host = hosts.debian(suite)
    with serve(host, products.repository) as url:
        follow_the_page(host, products.repository, url, release=release)
    assert host.run("dpkg-query", "-W", "-f", "${Version}", "hello").stdout == version
    assert host.run("dpkg", "--verify", "hello").stdout == ""
    assert host.run("hello", "--version").stdout == "hello 1.0.0\n"
    assert_account_is_locked(host)
    with running(host, "/opt/hello/bin/hello-run"):
        first, second = visit(host), visit(host)
        assert (first.server, first.title, first.version) == (
            "nginx",
            "Hello from omnibuild",
            "1.0.0",
        )
        assert second.visits == first.visits + 1
        assert host.listening() == {"127.0.0.1:8080"}
        assert_self_contained(host)
    assert host.listening() == frozenset()


def test_httpbin_installs_and_serves(hosts: HostPool, products: Products) -> None:
    host = hosts.debian("bookworm")
    with serve(host, products.repository) as url:
        follow_the_page(host, products.repository, url, package="httpbin")
    web = "http://127.0.0.1:8081"
    with running(host, "/opt/httpbin/bin/httpbin-run", ready=f"{web}/status/200"):
        answer = host.fetch(f"{web}/get?colour=blue", "--include")
        assert answer.status == 200
        assert "Server: nginx" in answer.body
        assert '"args":{"colour":"blue"}' in answer.body
        assert host.fetch(f"{web}/status/418").status == 418
        assert_self_contained(host, "httpbin")


def test_a_failing_hook_is_repaired_by_configuring_again(
    hosts: HostPool, products: Products
) -> None:
    host = hosts.debian("bookworm")
    host.write(CONFIG, 'database = "/srv/hello/hello.db"\n')
    with (
        serve(host, products.repository) as url,
        pytest.raises(CommandFailedError, match=r"/srv/hello/hello\.db: unable to open"),
    ):
        follow_the_page(host, products.repository, url)
    status = ("dpkg-query", "-W", "-f", "${db:Status-Status}", "hello")
    assert host.run(*status).stdout == "half-configured"

    host.run("install", "-d", "-o", "hello", "/srv/hello")
    host.run("dpkg", "--configure", "--pending")
    assert host.run(*status).stdout == "installed"
    assert host.exists("/srv/hello/hello.db")


def test_purge_leaves_nothing_but_the_account(hosts: HostPool, products: Products) -> None:
    host = hosts.debian("bookworm")
    with serve(host, products.repository) as url:
        host.run("useradd", "--system", "warm-up")
        before = host.paths()
        follow_the_page(host, products.repository, url)
    with running(host, "/opt/hello/bin/hello-run", "--state", "/var/lib/hello"):
        visit(host)
    host.run("apt-get", "remove", "--yes", "hello")
    assert not host.exists("/opt/hello")
    assert host.exists("/var/lib/hello/hello.db")
    host.run("apt-get", "purge", "--yes", "hello")
    state = (
        "/var/lib/dpkg/",
        "/var/lib/apt/",
        "/var/cache/apt/",
        "/var/log/",
        "/tmp/",
        "/etc/apt/",
    )
    left = {path for path in host.paths() - before if not path.startswith(state)}
    # The package of the repository's keys stays, as people installed it.
    own = re.compile(r".*/releases-[0-9a-f]{8}(-[a-z-]+)?(@?[.][a-z]+|[.]d)?(/.*)?")
    assert any(path.startswith("/usr/share/keyrings/") for path in left)
    assert [path for path in left if not own.fullmatch(path)] == []
    assert before <= host.paths()
    assert_account_is_locked(host)


@pytest.mark.parametrize("suite", ["bullseye", "bookworm", "trixie"])
def test_every_apt_reads_one_state_after_another(
    hosts: HostPool, tmp_path: Path, suite: str
) -> None:
    """States list their indexes as gzip and as xz by turns."""
    host, root = hosts.debian(suite), tmp_path / "repository"
    publish([package(tmp_path, platform=DEBIAN_11)], root, signer(), platforms=PLATFORMS)
    (key,) = (root / "keys").glob("*.asc")
    with serve(host, root) as url:
        host.copy(key, "/etc/apt/keyrings/shop.asc")
        host.write(
            "/etc/apt/sources.list.d/shop.list",
            f"deb [signed-by=/etc/apt/keyrings/shop.asc] {url}/apt stable-deb11 main\n",
        )
        update = ("apt-get", "update", "-o", "Dir::Etc::SourceList=/dev/null")
        for version in ("1.0", "1.1", "1.2", "1.3"):
            new = package(tmp_path, version=version, platform=DEBIAN_11)
            publish([new], root, signer(), platforms=PLATFORMS)
            done = host.run(*update)
            assert not re.search("^[WE]:", done.stdout + done.stderr, re.MULTILINE)
            host.run("apt-get", "install", "--yes", "hello")
            assert host.run("/opt/hello/bin/hello").stdout == f"hello {version}\n"
