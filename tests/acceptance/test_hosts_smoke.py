"""The hosts themselves: each kind installs a sample package, and none leaves anything behind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.hosts import (
    Authority,
    CommandFailedError,
    HostPool,
    eventually,
    serve,
    trust,
)
from tests.acceptance.hosts.namespaces import CGROUPS
from tests.acceptance.hosts.pool import remove_leftovers
from tests.acceptance.hosts.sample import (
    SigningKey,
    apt_repository,
    repo_file,
    signing_key,
    yum_repository,
)

SOURCES = "deb [signed-by=/repo/key.asc] file:/repo ./\n"


@pytest.fixture(scope="module")
def key(real_hosts: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningKey]:
    with signing_key(tmp_path_factory.mktemp("key")) as key:
        yield key


@pytest.fixture(scope="module")
def apt(key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return apt_repository(tmp_path_factory.mktemp("apt"), key)


@pytest.fixture(scope="module")
def yum(key: SigningKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return yum_repository(tmp_path_factory.mktemp("yum"), key)


@pytest.mark.parametrize(("suite", "version"), [("bullseye", 11), ("bookworm", 12), ("trixie", 13)])
def test_debian_installs_and_purges(hosts: HostPool, apt: Path, suite: str, version: int) -> None:
    host = hosts.debian(suite, binds={apt: "/repo"})
    assert host.read("/etc/debian_version").startswith(f"{version}.")
    host.write("/etc/apt/sources.list", SOURCES)
    host.run("apt-get", "update", "--error-on=any")
    before = host.paths()

    host.run("apt-get", "install", "--yes", "sample")
    assert host.exists("/usr/bin/sample")
    assert host.read("/etc/passwd").count("\nsample:") == 1

    host.run("apt-get", "purge", "--yes", "sample")
    left = {path for path in host.paths() - before if not path.startswith("/var/")}
    assert left <= {"/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-"}


def test_a_damaged_index_is_refused(hosts: HostPool, apt: Path) -> None:
    host = hosts.debian()
    host.copy(apt, "/repo")
    host.write("/repo/InRelease", host.read("/repo/InRelease").replace("Date: ", "Date:  "))
    host.write("/etc/apt/sources.list", SOURCES)
    with pytest.raises(CommandFailedError, match="BADSIG"):
        host.run("apt-get", "update", "--error-on=any")


def test_booted_server_runs_a_service_through_reboot_and_purge(hosts: HostPool, apt: Path) -> None:
    server = hosts.booted(binds={apt: "/repo"})
    assert server.state() == "running"
    server.write("/etc/apt/sources.list", SOURCES)
    server.shell("apt-get update --error-on=any && apt-get install --yes sample")
    assert server.unit("sample.service")["ActiveState"] == "active"
    assert server.user_of("sample.service") == "sample"

    boots = server.run("journalctl", "--list-boots").stdout.count("\n")
    server.reboot()
    assert server.run("journalctl", "--list-boots").stdout.count("\n") == boots + 1
    assert server.unit("sample.service")["ActiveState"] == "active"
    assert "Started sample.service" in server.journal("--unit=sample.service")

    server.run("apt-get", "remove", "--yes", "sample")
    assert server.unit("sample.service")["ActiveState"] == "inactive"
    assert server.exists("/etc/sample.conf")
    server.run("apt-get", "purge", "--yes", "sample")
    assert not server.exists("/etc/sample.conf")
    server.power_off()


def test_two_servers_do_not_disturb_each_other(hosts: HostPool, tmp_path: Path) -> None:
    first, second = hosts.booted(), hosts.booted()
    with serve(first, tmp_path, port=8000):
        assert first.listening() == {"127.0.0.1:8000"}
        assert second.listening() == frozenset()
    first.run("systemctl", "stop", "dbus.service", "dbus.socket")
    assert second.unit("dbus.service")["ActiveState"] == "active"


def test_a_server_trusts_the_authority(
    hosts: HostPool, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "health").write_text("healthy\n")
    server = hosts.booted()
    with serve(server, tmp_path, port=8443, certificate=authority.issue()) as url:
        request = ("curl", "--silent", "--show-error", "--fail", f"{url}/health")
        with pytest.raises(CommandFailedError, match="certificate"):
            server.run(*request)
        trust(server, authority)
        assert server.run(*request).stdout == "healthy\n"
        server.reboot()
        assert server.run(*request).stdout == "healthy\n"
        answer = server.fetch(f"{url}/health", "--cacert", str(authority.certificate))
        assert (answer.status, answer.body) == (200, "healthy\n")


def test_an_ordinary_user_has_no_privileges(hosts: HostPool) -> None:
    host = hosts.debian()
    host.add_user("alice", "/home/alice smith")
    done = host.run("sh", "-c", 'cd && pwd && id -un && touch "$HOME/mine"', user="alice")
    assert done.stdout == "/home/alice smith\nalice\n"
    assert host.run("touch", "/etc/mine", user="alice", check=False).status != 0


def test_dnf_installs_into_a_simulated_el_root(hosts: HostPool, yum: Path) -> None:
    root = hosts.simulated_el_root()
    root.write("/etc/yum.repos.d/sample.repo", repo_file(f"file://{yum}"))
    root.dnf("install", "sample")
    assert root.exists("/usr/bin/sample")
    assert root.read("/etc/passwd").count("\nsample:") == 1
    root.dnf("remove", "sample")
    assert not root.exists("/usr/bin/sample")


def test_dnf_on_a_simulated_el_host_checks_signatures(
    hosts: HostPool, yum: Path, tmp_path: Path
) -> None:
    host = hosts.simulated_el()
    assert not host.exists("/usr/bin/apt-get")
    damaged = shutil.copytree(yum, tmp_path / "yum")
    index = damaged / "repodata/repomd.xml"
    index.write_text(index.read_text() + "<!-- changed -->")
    with serve(host, damaged, port=8001) as url:
        host.write("/etc/yum.repos.d/sample.repo", repo_file(url))
        with pytest.raises(CommandFailedError, match=r"(?i)bad .*signature|verification failed"):
            host.run("dnf", "install", "--assumeyes", "sample")
    with serve(host, yum, port=8000) as url:
        host.write("/etc/yum.repos.d/sample.repo", repo_file(url))
        host.run("dnf", "install", "--assumeyes", "sample")
    assert host.run("rpm", "--query", "sample").stdout == "sample-1.0-1.noarch\n"


def test_nothing_stays_when_the_tests_are_killed(real_hosts: None) -> None:
    program = (
        "from tests.acceptance.hosts import HostPool\n"
        "with HostPool() as pool:\n"
        "    host = pool.debian()\n"
        "    print(host.leader, host.scratch, flush=True)\n"
        "    host.run('sleep', 'infinity')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE
    ) as tests:
        assert tests.stdout is not None
        leader, scratch = tests.stdout.readline().decode().split()
        assert Path(f"/proc/{leader}").exists()
        tests.send_signal(signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{leader}").exists(), "the host is gone")
    assert Path(scratch).name not in Path("/proc/self/mounts").read_text()
    os.utime(scratch, (0, 0))
    remove_leftovers()
    assert not Path(scratch).exists()
    assert not any((hierarchy / Path(scratch).name).exists() for hierarchy in CGROUPS)


def test_nothing_stays_when_a_pool_ends(real_hosts: None) -> None:
    with HostPool() as pool:
        host = pool.booted()
        leader = host.leader
    assert not Path(f"/proc/{leader}").exists()
    assert not host.scratch.exists()
    assert not any((hierarchy / host.scratch.name).exists() for hierarchy in CGROUPS)
