"""What operators add to an app stays through upgrades, and goes with a purge: on a booted host."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, HostPool, eventually
from tests.acceptance.products import next_version, omnibuild, replace, whole
from tests.acceptance.steps import WEB, answers, visit
from tests.certification.stacks.additions import make_packages

ADDITIONS = "/var/lib/hello-additions"
SHOWN = '__version__ = "{0}" + "".join(f"+{{one.name}}" for one in sorted(plugins))'


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Debs of hello 1.0.0 and 1.1.0, whose page shows its plugins, and packages to install."""
    base = tmp_path_factory.mktemp("additions")
    for version in ("1.1.0", "1.0.0"):
        workspace = next_version(base / version)
        recipe = workspace / "recipes/hello.toml"
        whole(recipe)
        replace(recipe, 'version = "3.13"', 'version = "3.13"\nadditions = true')
        module = workspace / "examples/hello/src/hello/__init__.py"
        replace(
            module,
            '__version__ = "1.1.0"',
            "from importlib.metadata import entry_points\n"
            'plugins = entry_points(group="hello.plugins")\n' + SHOWN.format(version),
        )
        for path in (recipe, workspace / "examples/hello/pyproject.toml"):
            replace(path, 'version = "1.1.0"', f'version = "{version}"')
        omnibuild("build", "hello", "-C", workspace, "-p", "debian-12", "-o", base / "dist")
    return make_packages(base / "dist")


@pytest.fixture(scope="module")
def server(module_hosts: HostPool, packages: Path) -> BootedHost:
    """A server with hello 1.0.0."""
    server = module_hosts.booted(binds={packages: "/packages"})
    server.run("dpkg", "--install", "/packages/hello_1.0.0-1_amd64.deb")
    eventually(lambda: answers(server, f"{WEB}/health"), "hello is healthy")
    return server


def install(server: BootedHost, name: str, umask: str = "022") -> str:
    return server.shell(
        f"umask {umask}; hello-pip install --no-index --find-links=/packages {name}"
    ).output


def shown(server: BootedHost) -> str:
    eventually(lambda: answers(server, f"{WEB}/health"), "hello is healthy")
    return visit(server).version


def test_additions_from_the_first_to_the_purge(server: BootedHost) -> None:
    assert not server.exists(ADDITIONS)
    assert shown(server) == "1.0.0"
    assert server.run("hello-pip", "list").stderr == "hello-pip: nothing was added to hello\n"

    # Nobody but root: not even the app, which root's commands run as.
    server.add_user("alice", "/home/alice")
    for user in ("alice", "hello"):
        refused = server.run("hello-pip", "install", "greetings", user=user, check=False)
        assert (refused.status, "sudo hello-pip install" in refused.stderr) == (1, True)

    said = install(server, "greetings", umask="077")
    assert "systemctl restart hello.target" in said
    assert shown(server) == "1.0.0"
    server.run("systemctl", "restart", "hello.target")
    assert shown(server) == "1.0.0+greetings"
    assert server.run("hello", "--version", user="alice").stdout == "hello 1.0.0+greetings\n"
    assert server.run("hello", "--version").stdout == "hello 1.0.0+greetings\n"
    assert server.run("touch", f"{ADDITIONS}/x", user="hello", check=False).status == 1
    refused = server.run("hello-pip", "uninstall", "--yes", "greetings", user="hello", check=False)
    assert (refused.status, "sudo hello-pip uninstall" in refused.stderr) == (1, True)

    # What the app brings holds.
    server.run("hello-pip", "uninstall", "--yes", "gunicorn")
    assert server.exists("/opt/hello/lib/python3.13/site-packages/gunicorn/__init__.py")
    other = server.run("hello-pip", "install", "--no-index", "gunicorn<20", check=False)
    assert (other.status, "ResolutionImpossible" in other.output) == (1, True)

    install(server, "picky")
    said = server.run("dpkg", "--install", "/packages/hello_1.1.0-1_amd64.deb").output
    assert "picky 1.0 has requirement hello<1.1, but you have hello 1.1.0" in said
    assert "see what was added to it: hello-pip list" in said
    assert shown(server) == "1.1.0+greetings+picky"
    server.run("hello-pip", "uninstall", "--yes", "picky")
    said = server.run("dpkg", "--install", "/packages/hello_1.1.0-1_amd64.deb").output
    assert "hello-pip" not in said
    assert shown(server) == "1.1.0+greetings"
    assert server.run("dpkg", "--verify", "hello").stdout == ""

    # Of another interpreter nothing is loaded, and it is said how to get it again.
    server.run("mv", f"{ADDITIONS}/python3.13", f"{ADDITIONS}/python3.12")
    said = server.run("dpkg", "--install", "/packages/hello_1.1.0-1_amd64.deb").output
    assert "hello-pip install greetings==1.0; then: rm -r" in said
    assert shown(server) == "1.1.0"
    install(server, "greetings==1.0")
    server.run("rm", "-r", f"{ADDITIONS}/python3.12")
    server.run("systemctl", "restart", "hello.target")
    assert shown(server) == "1.1.0+greetings"

    server.run("dpkg", "--remove", "hello")
    assert server.exists(f"{ADDITIONS}/python3.13/bin/python")
    server.run("dpkg", "--install", "/packages/hello_1.1.0-1_amd64.deb")
    assert shown(server) == "1.1.0+greetings"
    server.run("dpkg", "--purge", "hello")
    assert not server.exists(ADDITIONS)
    assert not server.exists("/usr/bin/hello-pip")
    assert not server.exists("/opt/hello")
