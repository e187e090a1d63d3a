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

SERVICES = ("hello-web.service", "hello-nginx.service")
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
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return {**found, "said": done.stderr}


@pytest.fixture
def site(hosts: HostPool, products: Products, tmp_path: Path) -> Iterator[Site]:
    repository = tmp_path / "repository"
    (tarball,) = products.hello.glob("*.tar.zst")
    omnibuild("publish", tarball, "--repo", repository, "--key", products.key)
    server = hosts.booted()
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


def test_a_package_of_the_app_is_in_the_way(site: Site) -> None:
    stanza = "Package: hello\nStatus: install ok installed\nVersion: 0.9-1\nArchitecture: all\n"
    stanza += "Maintainer: x <x@example.com>\nDescription: x\n"
    site.server.shell(f"printf '%s\\n' '{stanza}' >>/var/lib/dpkg/status")
    found = site.install()
    assert (found["exit"], found["changed"]) == (1, False)
    assert "hello 0.9-1 is installed as a package; remove it first" in found["error"]
