"""A simulated Enterprise Linux 9: real dnf, rpm and signatures on Debian's libc and tools.

SELinux, presets and EL's own base packages are not proven here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.hosts import (
    CommandFailedError,
    HostPool,
    SimulatedElHost,
    eventually,
    serve,
)
from tests.acceptance.products import Products
from tests.acceptance.steps import (
    CONFIG,
    WEB,
    answers,
    assert_account_is_locked,
    assert_self_contained,
    running,
    visit,
)

OWN_STATE = (
    *("/var/lib/rpm/", "/var/lib/dnf", "/var/cache/", "/var/log/", "/tmp/", "/root/"),
    *("/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-"),
)


def repository_file(tree: str, key: str) -> str:
    """Return a .repo file that demands every signature."""
    return (
        f"[releases]\nname=Releases\nbaseurl={tree}\nenabled=1\n"
        f"gpgcheck=1\nrepo_gpgcheck=1\ngpgkey={key}\nmetadata_expire=0\n"
    )


def serves(host: SimulatedElHost, version: str) -> None:
    """Check that the app runs on the host."""
    with running(host, "/opt/hello/bin/hello-run", "--state", "/var/lib/hello"):
        page = visit(host)
        assert (page.server, page.version) == ("nginx", version)
        assert_self_contained(host)


def test_simulated_el_root_is_filled_from_outside(hosts: HostPool, products: Products) -> None:
    root = hosts.simulated_el_root()
    tree = f"file://{products.repository}/yum/stable/el9/x86_64"
    key = f"file://{products.public_key}"
    root.write("/etc/yum.repos.d/releases.repo", repository_file(tree, key))
    root.dnf("install", "hello")
    assert root.run("hello", "--version").stdout == "hello 1.0.0\n"
    assert root.exists("/var/lib/hello/hello.db")
    assert_account_is_locked(root)
    with running(root, "/opt/hello/bin/hello-run"):
        assert visit(root).server == "nginx"
        assert_self_contained(root)


def test_simulated_el_from_installer_to_erase(hosts: HostPool, products: Products) -> None:
    host = hosts.simulated_el()
    # A directory of EL's systemd package.
    host.run("mkdir", "-p", "/usr/lib/sysusers.d")
    with serve(host, products.repository) as url:
        host.shell(f"curl -fsSL {url}/install.sh | sh -s -- --url {url}")
        before = host.paths()
        host.shell(f"curl -fsSL {url}/install.sh | sh -s -- --url {url} hello")
    assert host.run("rpm", "--query", "hello").stdout == "hello-1.0.0-1.x86_64\n"
    assert host.run("rpm", "--verify", "hello").stdout == ""
    serves(host, "1.0.0")

    edited = host.read(CONFIG).replace("Hello from omnibuild", "Edited")
    host.write(CONFIG, edited)
    with serve(host, products.repository_next):
        host.run("dnf", "--assumeyes", "--refresh", "upgrade")
    assert host.run("hello", "--version").stdout == "hello 1.1.0\n"
    assert host.read(CONFIG) == edited
    assert 'title = "Hello from omnibuild 1.1"' in host.read(f"{CONFIG}.rpmnew")
    assert host.run("env", "HELLO_STATE=/var/lib/hello", "hello", "count").stdout == "1\n"
    serves(host, "1.1.0")

    host.run("rm", f"{CONFIG}.rpmnew")
    host.run("dnf", "--assumeyes", "remove", "hello")
    assert host.read(f"{CONFIG}.rpmsave") == edited
    left = {path for path in host.paths() - before if not path.startswith(OWN_STATE)}
    data = {path for path in left if path.startswith("/var/lib/hello")}
    assert "/var/lib/hello/hello.db" in data
    assert left - data == {"/etc/hello", f"{CONFIG}.rpmsave"}
    assert_account_is_locked(host)


def test_simulated_el_refuses_a_damaged_repository(
    hosts: HostPool, products: Products, tmp_path: Path
) -> None:
    host = hosts.simulated_el()
    host.copy(products.repository / "yum/stable/el9/x86_64/repodata", "/srv/repodata")
    host.copy(products.public_key, "/srv/key.asc")
    host.run("sed", "-i", "s/<revision>/<revision>1/", "/srv/repodata/repomd.xml")
    repository = repository_file("file:///srv", "file:///srv/key.asc")
    host.write("/etc/yum.repos.d/releases.repo", repository)
    with pytest.raises(CommandFailedError, match=r"(?i)bad .*signature|verification failed"):
        host.run("dnf", "--assumeyes", "install", "hello")


def test_simulated_el_server_leaves_starting_to_the_installer(
    hosts: HostPool, products: Products
) -> None:
    server = hosts.booted_simulated_el(binds={products.repository: "/repo"})
    server.shell("sh /repo/install.sh --url file:///repo")
    server.run("dnf", "--assumeyes", "install", "hello")
    # The distribution's preset decides for whoever installs by dnf alone.
    assert server.unit("hello.target")["ActiveState"] == "inactive"
    server.run("dnf", "--assumeyes", "remove", "hello")

    server.shell("sh /repo/install.sh --url file:///repo hello")
    for start in ("installed", "rebooted"):
        eventually(lambda: answers(server, WEB), f"the page, {start}")
        assert server.user_of("hello-web.service") == "hello"
        if start == "installed":
            server.reboot()
