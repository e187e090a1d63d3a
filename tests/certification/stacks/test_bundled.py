"""An app with its own PostgreSQL and Valkey, as the guide has it, on a booted host.

Upgrades, reboots, processes that are killed, removal: the data are there each time.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, Host, HostPool, eventually
from tests.acceptance.hosts.polling import polled
from tests.acceptance.products import CHECKOUT, omnibuild, replace
from tests.acceptance.steps import running, running_below
from tests.acceptance.test_docs import commands

SITE = "http://127.0.0.1:8080/"
DATABASE, STORE, WEB = (f"ledger-{name}.service" for name in ("postgresql", "valkey", "web"))
SERVICES = (DATABASE, STORE, WEB)
STATE = "/var/lib/ledger"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of the guide's app: 1.0, 1.1 and, with another PostgreSQL, 2.0."""
    base = tmp_path_factory.mktemp("bundled")
    for directory in (base, *base.parents[:2]):
        directory.chmod(0o755)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in commands(CHECKOUT / "docs/guides/databases.md"):
        if "omnibuild build" not in command.text:
            subprocess.run(
                ["bash", "-euc", command.text], cwd=base, env=environment, check=True, timeout=600
            )
    recipe = base / "ledger/omnibuild.toml"
    replace(recipe, "[bundle.postgresql]\n", '[bundle.postgresql]\nversion = "17"\n')
    build(base)
    replace(recipe, 'version = "1.0"', 'version = "1.1"')
    build(base)
    replace(recipe, 'version = "1.1"', 'version = "2.0"')
    replace(recipe, 'version = "17"', 'version = "18"')
    build(base)
    return base / "dist"


def build(base: Path) -> None:
    platforms = [word for name in ("debian-12", "el9", "linux") for word in ("-p", name)]
    omnibuild("build", "-C", base / "ledger", *platforms, "-o", base / "dist")


def deb(version: str) -> str:
    return f"/packages/ledger_{version}-1_amd64.deb"


@pytest.fixture(scope="module")
def server(module_hosts: HostPool, packages: Path) -> BootedHost:
    """A booted server that sees the packages."""
    return module_hosts.booted(binds={packages: "/packages"})


@pytest.fixture
def ledger(server: BootedHost) -> BootedHost:
    """The server with a fresh ledger 1.0, in which three things are written."""
    server.shell("dpkg --purge ledger; rm -rf /etc/ledger /var/lib/ledger")
    server.run("dpkg", "--install", deb("1.0"))
    for _ in range(3):
        write(server)
    assert page(server) == "3 entries, 3 written"
    return server


def write(server: Host) -> None:
    assert server.fetch(SITE, "--data", "said=something").status == 200


def page(server: Host) -> str:
    """Return the page, once it is right again."""
    found: list[str] = []

    def served() -> bool:
        answer = server.fetch(SITE, "--retry", "5", "--retry-connrefused", "--max-time", "30")
        found.append(answer.body)
        return answer.status == 200

    eventually(served, "the page is served", seconds=60)
    return found[-1]


def restarts(server: BootedHost) -> list[str]:
    return [server.unit(name)["NRestarts"] for name in SERVICES]


def backups(server: BootedHost, name: str = "postgresql") -> list[str]:
    return server.shell(f"ls {STATE}/backups/{name} 2>/dev/null || :").stdout.split()


def test_the_servers_are_the_app_s_own(ledger: BootedHost) -> None:
    assert ledger.listening() == {"127.0.0.1:8080"}
    for service in SERVICES:
        assert ledger.unit(service)["ActiveState"] == "active"
        assert ledger.user_of(service) == "ledger"
    assert restarts(ledger) == ["0", "0", "0"]
    assert ledger.run("stat", "--format=%U %a", f"{STATE}/postgresql").stdout == "ledger 700\n"
    # Root is the app's user there; the app's user is nobody's superuser.
    told = ledger.run("ledger-psql", "-Atc", "SELECT current_user, current_setting('is_superuser')")
    assert told.stdout == "ledger|off\n"
    assert ledger.run("ledger-psql", "-Atc", "SELECT upper('ä')").stdout == "Ä\n"
    assert ledger.run("ledger-valkey-cli", "get", "written").stdout == "3\n"
    # Others see neither socket.
    ledger.add_user("bob", "/home/bob")
    assert "ermission denied" in ledger.run("ledger-psql", user="bob", check=False).stderr
    told = ledger.run("ledger-valkey-cli", "ping", user="bob", check=False)
    assert "ermission denied" in told.output
    # What operators set is heeded.
    ledger.shell("sed -i 's/^max_connections.*/max_connections = 33/' /etc/ledger/postgresql.conf")
    ledger.run("systemctl", "restart", DATABASE)
    assert ledger.run("ledger-psql", "-Atc", "SHOW max_connections").stdout == "33\n"
    assert ledger.run("ledger-psql", "-Atc", "SHOW shared_buffers").stdout == "256MB\n"
    assert page(ledger) == "3 entries, 3 written"


def test_data_survive_upgrades_and_reboots(ledger: BootedHost, tmp_path: Path) -> None:
    ledger.write("/etc/ledger/environment", "LEDGER_BACKUPS=2\n")
    with polled(ledger, 8080, "/", tmp_path / "asking") as counts:
        ledger.run("dpkg", "--install", deb("1.1"))
    # Who asked meanwhile was kept waiting, and served: by an app whose databases were there.
    for counted in counts.result():
        assert counted.answers
        assert not counted.failures
    write(ledger)
    assert page(ledger) == "4 entries, 4 written"
    assert len(backups(ledger)) == len(backups(ledger, "valkey")) == 1
    for version in ("1.0", "1.1"):
        ledger.run("dpkg", "--install", deb(version))
    assert page(ledger) == "4 entries, 4 written"
    # The oldest made room.
    assert len(backups(ledger)) == len(backups(ledger, "valkey")) == 2
    ledger.reboot()
    assert page(ledger) == "4 entries, 4 written"
    assert ledger.state() == "running"
    assert restarts(ledger) == ["0", "0", "0"]


def test_each_process_may_be_killed(ledger: BootedHost) -> None:
    """One after the other, as many as there are of each service."""
    entries = 3
    for service in SERVICES:
        for number, (_, name) in enumerate(members(ledger, service)):
            # A database starts all its others anew when one dies.
            now = [pid for pid, found in members(ledger, service) if found == name]
            if not now:
                continue
            pid = now[number % len(now)]
            ledger.shell(f"kill -9 {pid}")
            eventually(lambda pid=pid: not ledger.exists(f"/proc/{pid}"), f"{name} is dead")
            eventually(lambda: wrote(ledger), f"things are written without {name}", seconds=90)
            entries += 1
            found = [int(number) for number in re.findall(r"\d+", page(ledger))]
            # What was not confirmed may be there, as a count; entries are all or nothing.
            assert found[0] == entries
            assert found[1] >= entries
    # The servers themselves were among them.
    assert all(int(count) >= 1 for count in restarts(ledger))


def wrote(server: BootedHost) -> bool:
    answer = ("--data", "said=more", "--retry", "3", "--retry-connrefused", "--max-time", "30")
    return server.fetch(SITE, *answer).status == 200


def members(server: BootedHost, service: str) -> list[tuple[str, str]]:
    """Return the processes of a service: each one's number, and what it is."""
    said = server.shell(
        f"""
        for process in /proc/[0-9]*; do
            if grep -q '/{service}$' $process/cgroup 2>/dev/null; then
                echo ${{process#/proc/}} $(tr '\\0' ' ' <$process/cmdline)
            fi
        done
        """
    ).stdout
    return [(pid, name) for pid, _, name in (line.partition(" ") for line in said.splitlines())]


def test_without_a_backup_nothing_is_changed(ledger: BootedHost) -> None:
    # Nobody can write there.
    ledger.shell(
        f"mkdir -p {STATE}/backups; chown root: {STATE}/backups; chmod 755 {STATE}/backups"
    )
    before = [ledger.unit(service)["MainPID"] for service in SERVICES]
    done = ledger.run("dpkg", "--install", deb("1.1"), check=False)
    assert done.status != 0
    assert "there is no backup of postgresql, so nothing was changed" in done.output
    assert "LEDGER_BACKUPS=0" in done.output
    assert [ledger.unit(service)["MainPID"] for service in SERVICES] == before
    assert installed(ledger) == "1.0-1 ok installed"
    assert page(ledger) == "3 entries, 3 written"
    ledger.write("/etc/ledger/environment", "LEDGER_BACKUPS=0\n")
    ledger.run("dpkg", "--install", deb("1.1"))
    assert page(ledger) == "3 entries, 3 written"
    assert not backups(ledger)


def installed(server: BootedHost) -> str:
    return server.run(
        "dpkg-query", "-W", "-f", "${Version} ${db:Status-Eflag} ${db:Status-Status}", "ledger"
    ).stdout


def test_another_major_version_is_refused_and_there_is_a_way(ledger: BootedHost) -> None:
    before = [ledger.unit(service)["MainPID"] for service in SERVICES]
    done = ledger.run("dpkg", "--install", deb("2.0"), check=False)
    assert done.status != 0
    assert "are of postgresql 17, and this version brings postgresql 18" in done.output
    assert [ledger.unit(service)["MainPID"] for service in SERVICES] == before
    assert page(ledger) == "3 entries, 3 written"

    ledger.run("ledger-psql", "--username=postgres", "-Atc", "CREATE ROLE nobody")
    directory = ledger.run("ledger-postgresql", "backup").stdout.strip()
    ledger.run("systemctl", "stop", "ledger*")
    ledger.run("mv", f"{STATE}/postgresql", f"{STATE}/postgresql.old")
    ledger.run("dpkg", "--install", deb("2.0"))
    ledger.run("systemctl", "stop", "ledger*")
    ledger.run("ledger-postgresql", "restore", directory)
    ledger.run("systemctl", "start", "ledger.target")
    assert page(ledger) == "3 entries, 3 written"
    assert ledger.run("ledger-psql", "-Atc", "SHOW server_version_num").stdout.startswith("18")

    # And back again: the same holds for a downgrade.
    done = ledger.run("dpkg", "--install", deb("1.1"), check=False)
    assert "are of postgresql 18, and this version brings postgresql 17" in done.output
    assert page(ledger) == "3 entries, 3 written"


def test_a_store_is_put_back(ledger: BootedHost) -> None:
    directory = ledger.run("ledger-valkey", "backup").stdout.strip()
    write(ledger)
    said = ledger.run("ledger-valkey", "restore", directory, check=False)
    assert "stop what uses it first" in said.stderr
    ledger.run("systemctl", "stop", "ledger*")
    ledger.run("ledger-valkey", "restore", directory)
    ledger.run("systemctl", "start", "ledger.target")
    assert page(ledger) == "4 entries, 3 written"


def test_removal_keeps_and_purge_does_what_is_asked(ledger: BootedHost) -> None:
    ledger.run("dpkg", "--remove", "ledger")
    assert not running_below(ledger, "/opt/ledger")
    ledger.run("dpkg", "--install", deb("1.0"))
    assert page(ledger) == "3 entries, 3 written"
    ledger.run("touch", "/etc/ledger/keep-data")
    said = ledger.run("dpkg", "--purge", "ledger").output
    assert "data and logs stay, as /etc/ledger/keep-data says" in said
    ledger.run("dpkg", "--install", deb("1.0"))
    assert page(ledger) == "3 entries, 3 written"
    ledger.run("rm", "/etc/ledger/keep-data")
    ledger.run("dpkg", "--purge", "ledger")
    for path in (STATE, "/etc/ledger", "/opt/ledger", "/run/ledger"):
        assert not ledger.exists(path)


def test_an_rpm_does_the_same(hosts: HostPool, packages: Path) -> None:
    server = hosts.booted_simulated_el(binds={packages: "/packages"})
    server.run("rpm", "--install", "/packages/ledger-1.0-1.x86_64.rpm")
    server.run("systemctl", "enable", "--now", "ledger.target")
    assert page(server) == "0 entries, 0 written"
    write(server)
    before = [server.unit(service)["MainPID"] for service in SERVICES]
    done = server.run("rpm", "--upgrade", "/packages/ledger-2.0-1.x86_64.rpm", check=False)
    assert done.status != 0
    assert "are of postgresql 17, and this version brings postgresql 18" in done.output
    assert [server.unit(service)["MainPID"] for service in SERVICES] == before
    assert page(server) == "1 entries, 1 written"
    server.run("rpm", "--upgrade", "/packages/ledger-1.1-1.x86_64.rpm")
    assert page(server) == "1 entries, 1 written"
    assert len(backups(server)) == len(backups(server, "valkey")) == 1
    server.run("rpm", "--erase", "ledger")
    assert not running_below(server, "/opt/ledger")
    server.run("rpm", "--install", "/packages/ledger-1.1-1.x86_64.rpm")
    server.run("systemctl", "enable", "--now", "ledger.target")
    assert page(server) == "1 entries, 1 written"


def test_without_systemd_it_is_the_same(hosts: HostPool, packages: Path) -> None:
    host = hosts.debian(packages=("zstd",), binds={packages: "/packages"})
    home = "/home/bob smith"
    host.add_user("bob", home)
    host.run("tar", "-xf", "/packages/ledger-1.0-linux-x86_64.tar.zst", user="bob", directory=home)
    runner = f"{home}/ledger-1.0/bin/ledger-run"
    for written in (1, 2):
        with running(host, runner, user="bob", ready=SITE):
            assert host.listening() == {"127.0.0.1:8080"}
            write(host)
            assert page(host) == f"{written} entries, {written} written"
            told = host.run(runner, "ledger-psql", "-Atc", "TABLE entries", user="bob")
            assert len(told.stdout.splitlines()) == written
        # All have ended, in order: no log has to be read by the next start.
        assert not running_below(host, home)
        assert "was interrupted" not in host.read("/tmp/run-bob.log")
    refused = host.run(runner, "--state", "/root/state", check=False)
    assert "PostgreSQL does not run as root" in refused.stderr
    assert not running_below(host, home)
