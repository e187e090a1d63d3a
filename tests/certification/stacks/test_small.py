"""The smallest useful app: a command of one module, on a host that has nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.hosts import HostPool
from tests.acceptance.products import omnibuild

MEGABYTE = 1_000_000
PROJECT = """\
[build-system]
requires = ["flit_core>=3.9,<5"]
build-backend = "flit_core.buildapi"

[project]
name = "tool"
version = "1.0"
description = "Says what is at an address"

[project.scripts]
tool = "tool:main"
"""
MODULE = '''\
"""Says what is at an address."""

import sys
import urllib.request


def main() -> None:
    if sys.argv[1:] == ["--fail"]:
        raise LookupError("nothing is there")
    with urllib.request.urlopen(sys.argv[1]) as answer:
        print(len(answer.read()))
'''
RECIPE = """\
[app]
name = "tool"
version = "1.0"
summary = "Says what is at an address"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[source]
path = "project"

[python]
version = "3.13"
sources = false

[commands]
tool = "tool"

[software]
"python-3.13" = { variants = ["small"] }
openssl = { variants = ["small"] }
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/pyproject.toml").write_text(PROJECT)
    (tmp_path / "project/tool.py").write_text(MODULE)
    (tmp_path / "omnibuild.toml").write_text(RECIPE)
    for directory in (tmp_path, *tmp_path.parents[:2]):
        directory.chmod(0o755)
    omnibuild("lock", "-C", tmp_path)
    omnibuild("build", "-C", tmp_path, "-p", "debian-12", "-o", tmp_path / "dist")
    return tmp_path


def test_it_is_small_and_works(workspace: Path, hosts: HostPool) -> None:
    (package,) = (workspace / "dist").glob("*.deb")
    host = hosts.debian("bookworm", binds={workspace / "dist": "/packages"})
    host.run("dpkg", "--install", f"/packages/{package.name}")
    installed = int(host.run("du", "-s", "--bytes", "/opt/tool").stdout.split()[0])
    print(f"\n.deb {package.stat().st_size / MEGABYTE:.1f} MB,", end=" ")  # noqa: T201
    print(f"installed {installed / MEGABYTE:.1f} MB")  # noqa: T201
    assert package.stat().st_size <= 12 * MEGABYTE
    assert installed <= 40 * MEGABYTE
    host.write("/srv/page", "21 bytes are in here.")
    assert host.run("tool", "file:///srv/page").stdout == "21\n"
    # A traceback names files and lines, though it cannot show them.
    failed = host.run("tool", "--fail", check=False)
    assert failed.status == 1
    assert 'site-packages/tool.py", line 9, in main' in failed.stderr
    assert failed.stderr.endswith("LookupError: nothing is there\n")
    modules = "import asyncio, email, json, sqlite3, ssl, unittest; print(ssl.OPENSSL_VERSION)"
    assert host.run("/opt/tool/bin/python3.13", "-c", modules).stdout.startswith("OpenSSL 3")
    host.run("/opt/tool/bin/python3.13", "-m", "venv", "--without-pip", "/srv/venv")
    assert not host.shell("find /opt/tool/lib/python3.13 -name '*.py'").stdout
