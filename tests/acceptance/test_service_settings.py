"""Secrets, instances, readiness, watchdogs and limits: as a booted host has them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, HostPool, eventually
from tests.acceptance.products import omnibuild, replace

RECIPE = """\
[app]
name = "queue"
version = "1.0"
summary = "Workers of a queue"
license = "MIT"
maintainer = "Tester <tester@example.com>"
homepage = "https://queue.example.com/"

[source]
path = "."

[python]
version = "3.13"

[services.worker]
command = "python -m queued work"
instances = 2
notify = true
watchdog = 5
resources = { memory = "256MB", cpu = 150, tasks = 40, files = 2048, nice = 5 }

[timers.nightly]
command = "python -m queued once"
calendar = "daily"

[commands]
queued = "python -m queued"

[package]
scripts = "package-scripts"

[secrets]
session-key = {}
api-token = { generated = false }

[files]
"/usr/lib/tmpfiles.d/queue.conf" = { source = "tmpfiles.in", template = true }
"/usr/lib/systemd/system/queue-worker@.service.d/own.conf" = "worker.conf"
"""
TMPFILES = "d /run/@NAME@-own 0750 @USER@ @USER@ -\n"
WORKER = "[Service]\nReadWritePaths=/run/queue-own\n"
MODULE = """\
import os, pathlib, socket, sys, time

secrets = pathlib.Path(os.environ["QUEUE_SECRETS"])
values = [(secrets / name).read_text() for name in ("session-key", "api-token")]
number = os.environ.get("QUEUE_INSTANCE", "none")
state = pathlib.Path(os.environ["QUEUE_STATE"])

def tell(words):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.connect(os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
        told.send(words.encode())

if number != "none":
    pathlib.Path("/run/queue-own", number).touch()
print(sys.argv[1], number, len(values[0]), values[1].strip(), secrets, flush=True)
if sys.argv[1] == "work":
    time.sleep(1)
    tell("READY=1")
    while not (state / f"hang-{number}").exists():
        tell("WATCHDOG=1")
        time.sleep(0.5)
    (state / f"hang-{number}").unlink()
    time.sleep(600)
"""
MIGRATE = """\
touch /run/queue-own/migrated
echo "${QUEUE_MIGRATED_FROM:-nothing} $(id -un)" >>"$QUEUE_STATE/migrations"
"""
PYPROJECT = '[project]\nname = "queued"\nversion = "1.0"\ndependencies = []\n'
SECRETS = "/etc/queue/secrets"
WORKERS = ("queue-worker@1.service", "queue-worker@2.service")
INSTALL = {
    "deb": ("dpkg", "--install", "--force-unsafe-io"),
    "rpm": ("rpm", "--upgrade", "--verbose", "--replacepkgs"),
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of an app with workers, for Debian 11 and EL 9."""
    base = tmp_path_factory.mktemp("queue")
    project = base / "project"
    project.mkdir()
    (project / "omnibuild.toml").write_text(RECIPE)
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "queued.py").write_text(MODULE)
    (project / "tmpfiles.in").write_text(TMPFILES)
    (project / "worker.conf").write_text(WORKER)
    (project / "package-scripts").mkdir()
    migrate = project / "package-scripts/migrate"
    migrate.write_text(MIGRATE)
    omnibuild("lock", "-C", project)
    platforms = ("-p", "debian-11", "-p", "el9")
    omnibuild("build", "-C", project, "-o", base / "dist", *platforms)
    for name in ("omnibuild.toml", "pyproject.toml"):
        replace(project / name, 'version = "1.0"', 'version = "1.1"')
    replace(project / "omnibuild.toml", "instances = 2", "instances = 1")
    omnibuild("build", "-C", project, "-o", base / "dist", *platforms)
    for name in ("omnibuild.toml", "pyproject.toml"):
        replace(project / name, 'version = "1.1"', 'version = "1.2"')
    migrate.write_text("echo veto >&2\nexit 1\n")
    omnibuild("build", "-C", project, "-o", base / "dist", *platforms)
    return base / "dist"


@pytest.fixture(params=["bullseye", "el"])
def server(request: pytest.FixtureRequest, hosts: HostPool, packages: Path) -> BootedHost:
    binds = {packages: "/packages"}
    if request.param == "el":
        return hosts.booted_simulated_el(binds=binds)
    return hosts.booted(request.param, binds=binds)


def install(server: BootedHost, version: str) -> str:
    form = "rpm" if server.exists("/usr/bin/rpm") else "deb"
    pattern = {"deb": f"queue_{version}-1~deb11_amd64.deb", "rpm": f"queue-{version}-1.x86_64.rpm"}
    done = server.run(*INSTALL[form], f"/packages/{pattern[form]}")
    return f"{done.stdout}{done.stderr}"


def upgrade_in_vain(server: BootedHost, version: str) -> str:
    """Upgrade to a version that cannot be configured; rpm says so and exits with 0."""
    form = "rpm" if server.exists("/usr/bin/rpm") else "deb"
    name = (
        f"queue_{version}-1~deb11_amd64.deb" if form == "deb" else f"queue-{version}-1.x86_64.rpm"
    )
    done = server.run(*INSTALL[form], f"/packages/{name}", check=False)
    assert done.status == (form == "deb")
    return f"{done.stdout}{done.stderr}"


def is_active(server: BootedHost, unit: str) -> bool:
    return server.unit(unit)["ActiveState"] == "active"


def mode(server: BootedHost, path: str) -> str:
    return server.run("stat", "-c", "%U:%G %a", path).stdout.strip()


def test_services_wait_for_secrets_and_run_within_their_limits(server: BootedHost) -> None:
    said = install(server, "1.0")
    assert f"only you know: {SECRETS}/api-token" in said
    # EL starts nothing by itself; neither waits for a boot to make what the app needs.
    start = "queue: this starts it, now and whenever the host does: systemctl enable --now"
    assert (start in said) == server.exists("/usr/bin/rpm")
    assert mode(server, "/run/queue-own/migrated") == "queue:queue 640"
    key = server.run("cat", f"{SECRETS}/session-key").stdout
    assert len(key) == 64
    assert key not in said
    assert mode(server, SECRETS) == "root:queue 750"
    assert mode(server, f"{SECRETS}/session-key") == "root:queue 640"
    assert not any(is_active(server, unit) for unit in WORKERS)
    server.write(f"{SECRETS}/api-token", "of the operator\n")
    server.run("chgrp", "queue", f"{SECRETS}/api-token")
    server.run("chmod", "0640", f"{SECRETS}/api-token")
    server.run("systemctl", "start", "queue.target", *WORKERS)
    # systemd 247 can give no credentials to services like these, so they read the files.
    private = server.run("systemctl", "--version").stdout.split()[1] != "247"
    for number, unit in enumerate(WORKERS, 1):
        assert is_active(server, unit)
        told = server.run("journalctl", "--no-pager", "--output=cat", f"--unit={unit}").stdout
        place = f"/run/credentials/{unit}" if private else SECRETS
        assert f"work {number} 64 of the operator {place}" in told
        assert server.exists(f"/run/queue-own/{number}")
    shown = server.run(
        *("systemctl", "show", WORKERS[0], "--property", "MemoryMax,TasksMax,LimitNOFILE,Nice"),
        *("--property", "CPUQuotaPerSecUSec,Documentation"),
    ).stdout.splitlines()
    assert set(shown) == {
        "MemoryMax=268435456",
        "TasksMax=40",
        "LimitNOFILE=2048",
        "Nice=5",
        "CPUQuotaPerSecUSec=1.500000s",
        "Documentation=https://queue.example.com/",
    }
    said = server.run("systemd-analyze", "security", "--no-pager", WORKERS[0]).stdout
    exposure = re.search(r"exposure level for \S+: ([0-9.]+)", said)
    assert exposure, said
    assert float(exposure[1]) <= 4
    # Commands and timers have them, too.
    assert f"ask none 64 of the operator {SECRETS}" in server.run("queued", "ask").stdout
    server.run("systemctl", "start", "queue-nightly.service")

    # One that hangs is started again, and only that one.
    pid = {unit: server.unit(unit)["MainPID"] for unit in WORKERS}
    server.run("touch", "/var/lib/queue/hang-1")
    eventually(
        lambda: server.unit(WORKERS[0])["MainPID"] not in (pid[WORKERS[0]], "0"),
        "it is another one",
    )
    eventually(lambda: is_active(server, WORKERS[0]), "it is ready")
    assert server.unit(WORKERS[1])["MainPID"] == pid[WORKERS[1]]

    # A third that the operator starts goes on with the next version; what that lacks ends.
    server.run("systemctl", "start", "queue-worker@3.service")
    install(server, "1.1")
    assert is_active(server, "queue-worker.service")
    eventually(lambda: not any(is_active(server, unit) for unit in WORKERS), "they end")
    assert server.run("cat", f"{SECRETS}/session-key").stdout == key

    # Migrated once for each version, also when it is installed again; a veto leaves what ran.
    install(server, "1.1")
    told = server.run("cat", "/var/lib/queue/migrations").stdout
    assert told == "nothing queue\n1.0-1 queue\n"
    before = server.unit("queue-worker.service")["MainPID"]
    assert "veto" in upgrade_in_vain(server, "1.2")
    assert server.unit("queue-worker.service")["MainPID"] == before

    if not server.exists("/usr/bin/rpm"):
        server.run("dpkg", "--purge", "queue")
        assert not server.exists(SECRETS)
        assert not server.exists("/etc/queue")
        assert "queue" not in server.run("ls", "/etc/systemd/system").stdout
