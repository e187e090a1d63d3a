"""Wheels that others compiled: all they need is in the package, wherever it lies."""

from __future__ import annotations

import json

from tests.acceptance.hosts import BootedHost, HostPool, eventually
from tests.acceptance.products import Products
from tests.acceptance.steps import GLIBC, answers

WEB = "http://127.0.0.1:8085/"
MOVED = "/srv/another place"


def assert_it_works(page: str, prefix: str) -> None:
    """Check what every wheel did, and that all that was loaded is glibc's or the app's own."""
    said = json.loads(page)
    assert (said["determinant"], said["greenlet"], said["point"]) == (8, "switched", {"x": 3})
    assert said["images"] == {form: [8, 8] for form in ("png", "jpeg", "webp", "tiff", "avif")}
    assert (said["freetype"], said["libpq"] >= 180000) == (True, True)
    assert said["just"].startswith("just 1.")
    foreign = [path for path in said["libraries"] if not path.startswith(f"{prefix}/")]
    assert [path for path in foreign if not GLIBC.fullmatch(path)] == []
    own = {path.removeprefix(f"{prefix}/lib/") for path in said["libraries"]}
    assert own >= {"libgcc_s.so.1", "libstdc++.so.6"}


def test_they_serve_a_page_and_move(hosts: HostPool, products: Products) -> None:
    host: BootedHost = hosts.booted(binds={products.compiled: "/packages"})
    host.shell("apt-get install --yes /packages/compiled_1.0.0-1_amd64.deb")
    eventually(lambda: answers(host, WEB), "the page is there")
    assert_it_works(host.fetch(WEB, "--fail").body, "/opt/compiled")
    libraries = host.shell("ls /opt/compiled/lib").stdout.split()
    assert "libatomic.so.1" not in libraries, "nothing needs it"
    assert host.exists("/opt/compiled/share/licenses/gcc/copyright")

    host.add_user("alice", "/home/alice")
    host.run("cp", "-a", "/opt/compiled", MOVED)
    host.shell("apt-get purge --yes compiled")
    code = "import compiled; print(compiled.app.test_client().get('/').text)"
    page = host.run(f"{MOVED}/bin/python3.13", "-I", "-B", "-c", code, user="alice").stdout
    assert_it_works(page, MOVED)
