"""Images, run by real engines: as the app's user and as others, whole and in parts."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omnibuild.containers import EngineName, connect
from omnibuild.settings import default_cache
from tests.acceptance.products import CHECKOUT, omnibuild, replace

RECIPE = """\
[app]
name = "jobs"
version = "1.0"
summary = "A worker, a timer, a command"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[source]
path = "."

[python]
version = "3.13"

[services.worker]
command = "python -m jobs worker"

[timers.nightly]
command = "python -m jobs nightly"
calendar = "daily"

[commands]
jobs = "python -m jobs"

[environment]
JOBS_CONFIG = "/etc/jobs/jobs.ini"

[config]
"/etc/jobs/jobs.ini" = "jobs.ini"

[secrets.key]

[files]
"/opt/jobs/bin/able" = { source = "able", capabilities = "cap_net_bind_service=ep" }

[package]
scripts = "package-scripts"
"""
MIGRATE = 'echo "migrated from ${JOBS_MIGRATED_FROM:-nothing} as $(id -u)"\n'
MODULE = """\
import os, signal, sys, time
what = sys.argv[1]
print(what, os.getuid(), open(os.environ["JOBS_CONFIG"]).read().strip(), flush=True)
open(os.environ["JOBS_STATE"] + "/" + what, "w").close()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while what == "worker":
    time.sleep(0.1)
"""
# Shows what it may do.
ABLE = """\
#include <stdio.h>
#include <string.h>
int main(void) {
    char line[256];
    FILE *status = fopen("/proc/self/status", "r");
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "CapEff:", 7)) fputs(line, stdout);
    return 0;
}
"""
PYPROJECT = '[project]\nname = "jobs"\nversion = "1.0"\ndependencies = []\n'
SECONDS = 20


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of hello, and of an app that serves nothing."""
    base = tmp_path_factory.mktemp("images")
    project = base / "jobs"
    project.mkdir()
    (project / "omnibuild.toml").write_text(RECIPE)
    (project / "pyproject.toml").write_text(PYPROJECT)
    (project / "jobs.py").write_text(MODULE)
    (project / "jobs.ini").write_text("as shipped\n")
    source = base / "able.c"
    source.write_text(ABLE)
    subprocess.run(
        [
            "gcc",
            "-static-pie",
            "-Wl,-z,now",
            "-fstack-protector-strong",
            "-o",
            project / "able",
            source,
        ],
        check=True,
    )
    (project / "package-scripts").mkdir()
    (project / "package-scripts/migrate").write_text(MIGRATE)
    omnibuild("lock", "-C", project)
    omnibuild("build", "-C", project, "-p", "oci", "-o", base / "dist")
    omnibuild("build", "hello", "-C", CHECKOUT, "-p", "oci", "-o", base / "dist")
    return base


@dataclass
class Engine:
    """An engine that has the images, and removes the containers of a test."""

    client: Any

    def start(self, image: str, *words: str, **settings: Any) -> Started:
        """Start a container on the network of this machine."""
        limits = [
            {"Name": "nofile", "Soft": 1024, "Hard": 20000},
            {"Name": "nproc", "Soft": 8192, "Hard": 8192},
        ]
        hosted = {key: settings.pop(key) for key in ("read_only", "binds") if key in settings}
        host = self.client.create_host_config(network_mode="host", ulimits=limits, **hosted)
        made = self.client.create_container(
            image, list(words) or None, host_config=host, **settings
        )
        self.client.start(made["Id"])
        return Started(self.client, made["Id"])


@dataclass
class Started:
    """A container."""

    client: Any
    name: str

    def log(self) -> str:
        return str(self.client.logs(self.name).decode())

    def end(self) -> int:
        """Wait until it ends by itself."""
        return int(self.client.wait(self.name, timeout=SECONDS)["StatusCode"])

    def stop(self) -> int:
        """Ask it to stop; it must do so before it would be killed."""
        self.client.stop(self.name, timeout=SECONDS)
        return self.end()

    def run(self, *words: str) -> str:
        made = self.client.exec_create(self.name, list(words))
        return str(self.client.exec_start(made["Id"]).decode())

    def until(self, text: str) -> None:
        for _ in range(SECONDS * 5):
            if text in self.log():
                return
            time.sleep(0.2)
        raise AssertionError(self.log())


@pytest.fixture(params=["docker", "podman"])
def engine(
    request: pytest.FixtureRequest,
    images: Path,
    docker: str,
    podman: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Engine]:
    monkeypatch.setenv("DOCKER_HOST", docker)
    monkeypatch.setenv("CONTAINER_HOST", podman)
    name: EngineName = request.param
    with connect(name).client() as client:
        for image in (images / "dist").glob("*.oci.tar"):
            with image.open("rb") as stream:
                answer = list(client.load_image(stream))
            assert not any("error" in each for each in answer), answer
        yield Engine(client)
        for container in client.containers(all=True):
            client.remove_container(container["Id"], force=True, v=True)


def page(port: int, container: Started) -> str:
    for _ in range(SECONDS * 5):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
                return str(answer.read().decode())
        except (urllib.error.HTTPError, OSError):
            time.sleep(0.2)
    raise AssertionError(f"nobody answers at {port}: {container.log()}")


def test_it_runs_as_the_apps_user_at_the_port_that_it_is_told(engine: Engine) -> None:
    hello = engine.start("hello:1.0.0", environment={"PORT": "18431"})
    assert "Hello from omnibuild" in page(18431, hello)
    assert hello.run("id", "-un").strip() == "hello"
    # Authorities are there, zones of time and a locale, for what the app asks others.
    code = (
        "import locale, datetime, zoneinfo; locale.setlocale(locale.LC_ALL, 'C.UTF-8');"
        " print(datetime.datetime(2026, 1, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).tzname())"
    )
    assert hello.run("python3", "-c", code).strip() == "CET"
    assert "ca-certificates.crt" in hello.run(
        "python3", "-c", "import ssl; print(ssl.get_default_verify_paths().cafile)"
    )
    assert hello.stop() == 0, hello.log()


def test_anybody_may_run_it_below_a_read_only_root(engine: Engine) -> None:
    hello = engine.start("hello:1.0.0", environment={"PORT": "18432"}, user="23456", read_only=True)
    assert "Hello from omnibuild" in page(18432, hello)
    assert hello.run("id", "-u").strip() == "23456"
    assert hello.stop() == 0, hello.log()


def test_the_servers_run_alone_and_take_no_arguments(engine: Engine) -> None:
    web = engine.start("hello:1.0.0", "web", environment={"PORT": "18433"})
    assert "Hello from omnibuild" in page(18433, web)
    assert web.stop() == 0
    more = engine.start("hello:1.0.0", "web", "more")
    assert more.end() == 2
    assert "takes no arguments" in more.log()


def test_services_timers_and_commands_are_entries(engine: Engine, tmp_path: Path) -> None:
    worker = engine.start("jobs:1.0", "worker")
    worker.until("worker 10001 as shipped")
    assert worker.stop() == 0, worker.log()
    own = tmp_path / "jobs.ini"
    own.write_text("of the operator\n")
    nightly = engine.start(
        "jobs:1.0", "nightly", user="4711", binds=[f"{own}:/etc/jobs/jobs.ini:ro"]
    )
    assert nightly.end() == 0, nightly.log()
    assert "nightly 4711 of the operator" in nightly.log()
    command = engine.start("jobs:1.0", "jobs", "ask")
    assert command.end() == 0, command.log()
    assert "ask 10001" in command.log()
    unknown = engine.start("jobs:1.0", "nosuch")
    assert unknown.end() == 2
    assert "not a command of jobs: nosuch" in unknown.log()


def test_commands_and_timers_have_a_prepared_state(engine: Engine, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    binds = [f"{tmp_path}:/var/lib/jobs"]
    told = "migrated from nothing as 4711"
    for words, times in ((("nightly",), 1), (("jobs", "ask"), 0), (("worker",), 0)):
        started = engine.start("jobs:1.0", *words, user="4711:0", binds=binds)
        started.until("as shipped")
        started.stop()
        assert started.log().count(told) == times, started.log()
        # They run here only where they are asked for, and each service is one.
        assert "timers need systemd" not in started.log()
    assert len((tmp_path / "secrets/key").read_text()) > 20
    # Somebody else may be unable to use what this one has made.
    other = engine.start("jobs:1.0", "jobs", "ask", user="23456:0", binds=binds)
    assert other.end() == 1
    assert "user 23456 may not write /var/lib/jobs/ask, which is user 4711's: run it" in other.log()
    assert "user 23456 may not read /var/lib/jobs/secrets, which is user 4711's" in other.log()
    everything = engine.start("jobs:1.0", user="4711:0", binds=binds)
    everything.until("worker 4711")
    everything.stop()
    assert everything.log().count("timers need systemd") == 1


def test_a_program_may_do_what_the_recipe_gives_it(engine: Engine) -> None:
    started = engine.start("jobs:1.0", "able", user="4711:0")
    assert started.end() == 0, started.log()
    assert "CapEff:\t0000000000000400" in started.log()


@pytest.mark.parametrize("port", ["http", "0", "65536", "80 80", "-1", "443"])
def test_what_is_no_port_is_told_at_once(engine: Engine, port: str) -> None:
    hello = engine.start("hello:1.0.0", environment={"PORT": port})
    assert hello.end() in (1, 2)
    (line,) = hello.log().strip().splitlines()
    assert port in line
    assert "port" in line


def test_state_that_nobody_may_write_is_told(engine: Engine, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    started = engine.start("jobs:1.0", "jobs", "ask", binds=[f"{tmp_path}:/var/lib/jobs:ro"])
    assert started.end() == 1
    assert "user 10001 may not write /var/lib/jobs: mount a volume" in started.log()
    os.chown(tmp_path, 4711, 0)
    other = engine.start("jobs:1.0", "jobs", "ask", binds=[f"{tmp_path}:/var/lib/jobs"])
    assert other.end() == 1
    assert "user 10001 may not write /var/lib/jobs: it is user 4711's: run it as" in other.log()


def test_what_an_engine_saves_is_opened(engine: Engine, images: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved.tar"
    with saved.open("wb") as stream:
        stream.writelines(engine.client.get_image("jobs:1.0"))
    (built,) = (images / "dist").glob("jobs_*.oci.tar")
    told = omnibuild("artifact", "diff", built, saved, check=False)
    assert told.stdout.endswith("; the same files, in other packages\n"), told.stdout
    # The base is no concern of the app's audit.
    assert "nothing found" in omnibuild("audit", saved).stdout
    assert "component python-3.13" in omnibuild("artifact", "inspect", saved).stdout


def test_a_change_of_the_app_is_one_small_layer(images: Path, tmp_path: Path) -> None:
    replace(images / "jobs/jobs.py", "import os", "import os  # changed")
    omnibuild("build", "-C", images / "jobs", "-p", "oci", "-o", tmp_path)
    (image,) = (images / "dist").glob("jobs_*.oci.tar")
    with tarfile.open(image) as before, tarfile.open(tmp_path / image.name) as after:
        sizes = {member.name: member.size for member in after}
        new = sizes.keys() - set(before.getnames())
    # The app's own layer, configuration and manifest; launchers and the rest are in one beside.
    assert len(new) <= 4, new
    assert sum(sizes[name] for name in new) < 50_000


def test_publish_pushes_it_once(
    images: Path, registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # skopeo takes no registry without TLS unless the user says so.
    settings = tmp_path / "home/.config/containers/registries.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'[[registry]]\nlocation = "{registry}"\ninsecure = true\n')
    monkeypatch.setenv("OMNIBUILD_CACHE", str(default_cache()))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (image,) = (images / "dist").glob("hello_*.oci.tar")
    first = omnibuild("publish", image, "--registry", f"{registry}/team")
    again = omnibuild("publish", image, "--registry", f"{registry}/team", "--json")
    assert first.stdout.endswith("  pushed\n")
    (told,) = json.loads(again.stdout)["images"]
    assert not told["added"]
    for tag in ("1.0.0", "stable"):
        words = ["skopeo", "inspect", "--tls-verify=false", f"docker://{registry}/team/hello:{tag}"]
        shown = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        assert shown["Digest"] == told["digest"]
    # What has been published under a version stays what it is.
    (jobs,) = (images / "dist").glob("jobs_*.oci.tar")
    omnibuild("publish", jobs, "--registry", f"{registry}/team")
    replace(images / "jobs/jobs.py", "import os", "import os  # changed again")
    omnibuild("build", "-C", images / "jobs", "-p", "oci", "-o", tmp_path / "other")
    refused = omnibuild(
        *("publish", tmp_path / "other" / jobs.name, "--registry", f"{registry}/team"), check=False
    )
    assert refused.returncode == 8
    assert "another image is called" in refused.stderr
    for words, said in (
        ((image,), "no registry is named"),
        ((image, "--registry", f"https://{registry}"), "is no place in a registry"),
        ((image, "--registry", "127.0.0.1:9/team"), "the registry did not answer"),
    ):
        failed = omnibuild("publish", *words, check=False)
        assert failed.returncode != 0
        assert said in failed.stderr
