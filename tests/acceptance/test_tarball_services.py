"""A booted host without a package of the app: services from a tarball, from first to last."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.acceptance.hosts import BootedHost, HostPool, eventually, serve
from tests.acceptance.products import Products, omnibuild
from tests.acceptance.steps import CONFIG, WEB, answers, visit
from tests.acceptance.test_updates import EACH_SECOND

SERVICES = ("hello-web.service", "hello-nginx.service")
LIST = "downloads/stable.list"
CURRENT = "readlink /opt/hello.versions/current"
WEB_MODULE = "lib/python3.13/site-packages/hello/web.py"


@dataclass
class Site:
    """A repository of tarballs, and a host that has its script."""

    server: BootedHost
    repository: Path
    products: Products
    url: str

    def publish(self, tarball: Path) -> None:
        omnibuild("publish", tarball, "--repo", self.repository, "--key", self.products.key)

    def install(self, *words: str) -> dict[str, Any]:
        """Run the script, and return what it has told."""
        command = f"curl -fsSL {self.url}/install.sh | sh -s -- --url {self.url} --json --tarball"
        done = self.server.shell(f"{command} {' '.join(words)} hello", check=False)
        found: dict[str, Any] = json.loads(done.stdout)
        return {**found, "said": done.stderr}

    def demote(self) -> None:
        omnibuild("repo", "demote", "--repo", self.repository, "--key", self.products.key)

    @property
    def name(self) -> str:
        (key,) = self.repository.glob("keys/*.asc")
        return key.stem

    @property
    def unit(self) -> str:
        return f"{self.name}-update-tarball@hello"

    def told(self) -> dict[str, Any]:
        """Return what the last run of the updater has told."""
        path = f"/var/lib/{self.name}/hello/update.json"
        found: dict[str, Any] = json.loads(self.server.read(path))
        return found

    def run(self) -> tuple[str, int, str]:
        """Have the updater's service run once, and return what came of it."""
        self.server.run("systemctl", "start", f"{self.unit}.service", check=False)
        told = self.told()
        return told["outcome"], told["exit"], told["version"]


@pytest.fixture
def site(
    hosts: HostPool, products: Products, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[Site]:
    repository = tmp_path / "repository"
    (tarball,) = products.hello.glob("*.tar.zst")
    omnibuild("publish", tarball, "--repo", repository, "--key", products.key)
    server = hosts.booted(getattr(request, "param", "bookworm"))
    with serve(server, repository) as url:
        yield Site(server, repository, products, url)


def broken(tarball: Path, version: str, directory: Path) -> Path:
    """Write the tarball of a version whose web server does not stay."""
    path = directory / f"hello-{version}-linux-x86_64.tar.zst"
    whole = zstandard.ZstdDecompressor().stream_reader(tarball.read_bytes()).read()
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(whole)) as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in old:
            data = old.extractfile(member) if member.isfile() else None
            _, _, inside = member.name.partition("/")
            member.name = f"hello-{version}/{inside}".rstrip("/")
            if member.islnk():
                member.linkname = f"hello-{version}/{member.linkname.partition('/')[2]}"
            if inside == WEB_MODULE:
                data = io.BytesIO(b"raise SystemExit(3)\n")
                member.size = len(data.getvalue())
            if "hello/__pycache__" not in inside:
                new.addfile(member, data)
    path.write_bytes(zstandard.ZstdCompressor(level=1).compress(out.getvalue()))
    return path


def assert_running(server: BootedHost, version: str) -> None:
    eventually(lambda: answers(server, f"{WEB}/health"), "hello is healthy")
    assert visit(server).version == version
    for service in SERVICES:
        assert server.unit(service)["ActiveState"] == "active"
        assert server.user_of(service) == "hello"
    assert server.run("readlink", "-f", "/opt/hello").stdout == f"/opt/hello.versions/{version}\n"


def test_services_from_a_tarball(site: Site, tmp_path: Path) -> None:
    server = site.server
    before = server.paths()
    first = site.install()
    told = (first["exit"], first["way"], first["version"], first["changed"])
    assert told == (0, "tarball", "1.0.0", True), first["said"]
    assert_running(server, "1.0.0")
    assert server.unit("hello.target")["UnitFileState"] == "enabled"
    again = site.install()
    assert (again["exit"], again["changed"]) == (0, False), again["said"]

    # An update fetches what changed; what was edited stays.
    edited = server.read(CONFIG).replace("Hello from omnibuild", "Edited")
    server.write(CONFIG, edited)
    (tarball,) = site.products.hello_next.glob("*.tar.zst")
    site.publish(tarball)
    update = site.install()
    assert (update["exit"], update["version"]) == (0, "1.1.0"), update["said"]
    assert update["bytes"] < 1_000_000
    assert_running(server, "1.1.0")
    assert (visit(server).title, server.read(CONFIG)) == ("Edited", edited)
    assert "Hello from omnibuild 1.1" in server.read(f"{CONFIG}.dist")

    # Where a run was cut off, the next one goes on.
    server.write("/opt/hello.versions/.changing", "1.0.0\n")
    server.run("rm", "/usr/bin/hello")
    resumed = site.install()
    assert (resumed["exit"], resumed["changed"]) == (0, True), resumed["said"]
    assert server.exists("/usr/bin/hello")
    assert not server.exists("/opt/hello.versions/.changing")

    # What does not stay goes again.
    site.publish(broken(tarball, "1.2.0", tmp_path))
    failed = site.install()
    assert (failed["exit"], failed["version"]) == (10, "1.1.0"), failed["said"]
    assert "hello-web.service is" in failed["error"]
    assert_running(server, "1.1.0")

    assert site.install("--rollback")["version"] == "1.0.0"
    assert_running(server, "1.0.0")
    back = site.install("--uninstall")
    assert (back["exit"], back["changed"]) == (0, True), back["said"]
    assert not server.exists("/opt/hello")
    assert server.read(CONFIG) == edited
    assert server.run("systemctl", "list-units", "--all", "--no-legend", "hello*").stdout == ""
    left = {path for path in server.paths() - before if path.startswith(("/usr/", "/opt/"))}
    assert left == set()


@pytest.mark.parametrize("site", ["trixie"], indirect=True)
def test_a_host_of_tarballs_keeps_itself_current(site: Site, tmp_path: Path) -> None:
    server = site.server
    before = server.paths()
    keep = "--keep-current --every 4h --report-command 'cat >>/root/told'"
    first = site.install(keep)
    assert (first["exit"], first["changed"], first["kept_current"]) == (0, True, True), first
    again = site.install(keep)
    assert (again["exit"], again["changed"], again["kept_current"]) == (0, False, True), again
    timer = server.unit(f"{site.unit}.timer")
    assert (timer["ActiveState"], timer["UnitFileState"]) == ("active", "enabled")
    assert timer["RandomizedDelayUSec"] == "4h"
    settings = f"/etc/{site.name}/hello.conf"
    server.run("sed", "-i", "s/^\\(health-seconds\\|health-limit\\) .*/\\1 = 5/", settings)

    # By the timer itself.
    (tarball,) = site.products.hello_next.glob("*.tar.zst")
    site.publish(tarball)
    drop_in = f"/etc/systemd/system/{site.unit}.timer.d/zz-test.conf"
    server.write(drop_in, EACH_SECOND)
    server.shell(f"systemctl daemon-reload; systemctl restart {site.unit}.timer")
    eventually(
        lambda: server.exists("/root/told") and "updated" in server.read("/root/told"),
        "the timer brings 1.1.0, which is found well",
        seconds=180,
    )
    server.shell(f"rm {drop_in}; systemctl daemon-reload; systemctl restart {site.unit}.timer")
    assert_running(server, "1.1.0")
    seen = (site.repository / LIST).read_bytes()

    # What is not well goes again, also when the power fails before that is known.
    site.publish(broken(tarball, "1.2.0", tmp_path))
    assert site.run() == ("rolled-back", 10, "1.1.0"), site.told()
    assert "hello-web.service is" in site.told()["error"]
    assert_running(server, "1.1.0")
    assert site.run() == ("current", 0, "1.1.0")
    assert site.told()["failed_versions"] == ["1.2.0"]
    site.publish(broken(tarball, "1.3.0", tmp_path))
    server.run("sed", "-i", "s/^health-limit .*/health-limit = 60/", settings)
    server.run("systemctl", "start", "--no-block", f"{site.unit}.service")
    eventually(lambda: server.shell(CURRENT).stdout == "1.3.0\n", "1.3.0 is brought", seconds=60)
    server.run("systemctl", "kill", "--kill-who=all", "--signal=KILL", f"{site.unit}.service")
    assert site.run() == ("rolled-back", 10, "1.1.0"), site.told()
    assert_running(server, "1.1.0")
    assert site.told()["failed_versions"] == ["1.2.0", "1.3.0"]

    # What was true once is shown again; then the channel goes back, and an operator elsewhere.
    now = (site.repository / LIST).read_bytes()
    (site.repository / LIST).write_bytes(seen)
    assert site.run() == ("replayed", 5, "1.1.0"), site.told()
    (site.repository / LIST).write_bytes(now)
    for _ in range(3):
        site.demote()
    assert site.run() == ("returned", 0, "1.0.0"), site.told()
    assert_running(server, "1.0.0")
    assert site.install("--rollback")["version"] == "1.1.0"
    assert site.run() == ("current", 0, "1.1.0"), site.told()

    gone = site.install("--uninstall")
    assert (gone["exit"], gone["changed"]) == (0, True), gone["said"]
    left = server.paths() - before
    assert {
        path for path in left if site.name in path or path.startswith(("/usr/", "/opt/"))
    } == set()


def test_a_package_of_the_app_is_in_the_way(site: Site) -> None:
    stanza = "Package: hello\nStatus: install ok installed\nVersion: 0.9-1\nArchitecture: all\n"
    stanza += "Maintainer: x <x@example.com>\nDescription: x\n"
    site.server.shell(f"printf '%s\\n' '{stanza}' >>/var/lib/dpkg/status")
    found = site.install()
    assert (found["exit"], found["changed"]) == (1, False)
    assert "hello 0.9-1 is installed as a package; remove it first" in found["error"]
