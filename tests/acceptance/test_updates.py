"""A booted Debian that keeps hello current by its timer, whatever the repository shows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from omnibuild.tools import Tool
from tests.acceptance.hosts import BootedHost, HostPool, eventually, serve
from tests.acceptance.products import Products, omnibuild
from tests.acceptance.steps import WEB, answers

DPKG_DEB = Tool("dpkg-deb", "dpkg")
SITE = "opt/hello/lib/python3.13/site-packages/hello"
BROKEN = {f"{SITE}/web.py": "raise SystemExit(3)\n"}
# What apt keeps of what it has fetched.
APT_STATE = ("/var/cache/apt/", "/var/lib/apt/lists/")
# Every second, instead of once an hour at a moment of its own.
EACH_SECOND = "[Timer]\nOnCalendar=\nOnCalendar=*:*:*\nAccuracySec=1us\nRandomizedDelaySec=0\n"


@dataclass
class Fleet:
    """A repository, and a host that follows it."""

    server: BootedHost
    repository: Path
    products: Products
    scratch: Path
    url: str
    # Of revisions; one Debian has packages of its own.
    suffix: str = ""

    @property
    def name(self) -> str:
        (key,) = self.repository.glob("keys/*.asc")
        return key.stem

    @property
    def unit(self) -> str:
        return f"{self.name}-update@hello"

    @property
    def updater(self) -> str:
        return f"/usr/sbin/{self.name}-update"

    def publish(self, version: str, harm: dict[str, str] | None = None) -> None:
        """Publish hello 1.0.0 under another version; of some files, with another text."""
        (deb,) = self.products.hello.glob(f"*_1.0.0-1{self.suffix}_amd64.deb")
        tree = self.scratch / version
        out = self.scratch / f"hello_{version}-1{self.suffix}_amd64.deb"
        DPKG_DEB.run("--raw-extract", deb, tree)
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text().replace("Version: 1.0.0-1", f"Version: {version}-1"))
        for path, text in (harm or {}).items():
            (tree / path).write_text(text)
            shutil.rmtree((tree / path).parent / "__pycache__", ignore_errors=True)
            # They would tell of it.
            (tree / "DEBIAN/md5sums").unlink(missing_ok=True)
        DPKG_DEB.run("--root-owner-group", "-Znone", "--build", tree, out)
        shutil.rmtree(tree)
        self.change("publish", out)

    def demote(self) -> None:
        self.change("repo", "demote")

    def change(self, *words: str | Path) -> None:
        place = ("--repo", self.repository, "--key", self.products.key)
        omnibuild(*words, *place, at_once=True)

    def run(self) -> dict[str, Any]:
        """Have the service run once, and return what it has told."""
        self.server.run("systemctl", "start", f"{self.unit}.service", check=False)
        return self.told()

    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.server.read(f"/var/lib/{self.name}/hello/update.json")
        )
        return found

    def be_quick(self) -> None:
        settings = f"/etc/{self.name}/hello.conf"
        words = "s/^\\(health-seconds\\|health-limit\\) .*/\\1 = 3/"
        self.server.run("sed", "-i", words, settings)

    def installed(self) -> str:
        done = self.server.run("dpkg-query", "-W", "-f", "${Status} ${Version}", "hello")
        return done.stdout.removeprefix("install ok installed ")


@pytest.fixture
def fleet(
    hosts: HostPool, products: Products, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Fleet]:
    repository = tmp_path / "repository"
    products.publish(repository, products.hello)
    suite = getattr(request, "param", "bookworm")
    server = hosts.booted(suite)
    with serve(server, repository) as url:
        suffix = "~deb11" if suite == "bullseye" else ""
        yield Fleet(server, repository, products, tmp_path, url, suffix)


def test_a_host_keeps_itself_current(fleet: Fleet) -> None:
    server = fleet.server
    script = f"curl -fsSL {fleet.url}/install.sh | sh -s -- --url {fleet.url} --json"
    keep = f"{script} --keep-current --every 4h --report-command 'cat >>/root/told' hello"
    done = json.loads(server.shell(keep).stdout)
    assert (done["changed"], done["kept_current"]) == (True, True)
    again = json.loads(server.shell(keep).stdout)
    assert (again["changed"], again["kept_current"]) == (False, True)
    timer = server.unit(f"{fleet.unit}.timer")
    assert (timer["ActiveState"], timer["UnitFileState"]) == ("active", "enabled")
    assert timer["RandomizedDelayUSec"] == "4h"
    fleet.be_quick()

    # By the timer itself.
    fleet.publish("1.1.0")
    drop_in = f"/etc/systemd/system/{fleet.unit}.timer.d/zz-test.conf"
    server.write(drop_in, EACH_SECOND)
    server.shell(f"systemctl daemon-reload; systemctl restart {fleet.unit}.timer")
    eventually(
        lambda: server.exists("/root/told") and "updated" in server.read("/root/told"),
        "the timer brings 1.1.0, which is found well",
        seconds=180,
    )
    server.shell(f"rm {drop_in}; systemctl daemon-reload; systemctl restart {fleet.unit}.timer")
    assert fleet.installed() == "1.1.0-1"
    seen = fleet.scratch / "seen"
    shutil.copytree(fleet.repository / "apt/dists", seen)

    # Its services do not stay, and then they do, but it says that it is not well.
    fleet.publish("1.2.0", BROKEN)
    told = fleet.run()
    assert (told["outcome"], told["exit"], told["version"]) == ("rolled-back", 10, "1.1.0-1")
    assert told["failed_versions"] == ["1.2.0-1"]
    assert "hello-web.service is" in told["error"]
    assert answers(server, f"{WEB}/health")
    fleet.publish(
        "1.3.0", {f"{SITE}/health.py": "def report(config):\n    return False, {'status': 'no'}\n"}
    )
    told = fleet.run()
    assert (told["outcome"], told["exit"], told["version"]) == ("rolled-back", 10, "1.1.0-1")
    assert "it does not say that it is well" in told["error"]
    assert answers(server, f"{WEB}/health")
    told = fleet.run()
    assert (told["outcome"], told["exit"]) == ("current", 0)
    assert told["failed_versions"] == ["1.2.0-1", "1.3.0-1"]
    assert server.unit(f"{fleet.unit}.service")["ActiveState"] == "inactive"

    # What was true once is shown again; then the channel goes back.
    now = fleet.scratch / "now"
    (fleet.repository / "apt/dists").rename(now)
    shutil.copytree(seen, fleet.repository / "apt/dists")
    told = fleet.run()
    assert (told["outcome"], told["exit"]) == ("replayed", 5)
    assert "older than the one of" in fleet.server.journal("--unit", f"{fleet.unit}.service")
    shutil.rmtree(fleet.repository / "apt/dists")
    now.rename(fleet.repository / "apt/dists")
    for _ in range(3):
        fleet.demote()
    told = fleet.run()
    assert (told["outcome"], told["version_before"], told["version"]) == (
        *("returned", "1.1.0-1", "1.0.0-1"),
    )
    assert answers(server, f"{WEB}/health")

    # Who removes the package is not told of failures for ever.
    server.run("apt-get", "remove", "--yes", "hello")
    told = fleet.run()
    assert (told["outcome"], told["exit"]) == ("not-installed", 0)
    assert server.unit(f"{fleet.unit}.timer")["ActiveState"] == "inactive"
    server.shell(f"{script} --uninstall hello")
    left = {path for path in server.paths() if fleet.name in path}
    assert not {path for path in left if not path.startswith(APT_STATE)}


@pytest.mark.parametrize("fleet", ["bullseye", "trixie"], indirect=True)
def test_other_debians_forth_and_back(fleet: Fleet) -> None:
    script = f"curl -fsSL {fleet.url}/install.sh | sh -s -- --url {fleet.url} --json"
    done = json.loads(fleet.server.shell(f"{script} --keep-current hello").stdout)
    assert (done["exit"], done["kept_current"]) == (0, True)
    fleet.be_quick()
    fleet.publish("1.1.0")
    told, last = fleet.run(), f"1.1.0-1{fleet.suffix}"
    assert (told["outcome"], told["exit"], told["version"]) == ("updated", 0, last)
    fleet.publish("1.2.0", BROKEN)
    told = fleet.run()
    assert (told["outcome"], told["exit"], told["version"]) == ("rolled-back", 10, last)
    assert answers(fleet.server, f"{WEB}/health")
    assert fleet.server.unit(f"{fleet.unit}.timer")["ActiveState"] == "active"
