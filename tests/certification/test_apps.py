"""What strangers have: each app of a list by its name alone, from the index to a booted host."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, HostPool

NAMES = Path(__file__).with_name("apps.txt").read_text().split()
# Of the list as it is: one sdist of it is broken on new interpreters by itself, one wants headers
# of libraries that have no definition yet.
ENOUGH = 22
PLATFORM = "debian-12"


@dataclass
class Tried:
    """How far one app came.

    Args:
        name: of the app.
        said: the error's first line, or what its command answered.
        packaged: whether there is a package.
        works: whether its command runs on the host.
        packages: distributions that were locked.
        seconds: of ``init`` and of ``build``.
        size: bytes of the package.
    """

    name: str
    said: str = ""
    packaged: bool = False
    works: bool = False
    packages: int = 0
    seconds: tuple[float, float] = (0.0, 0.0)
    size: int = 0

    def line(self) -> str:
        """Return its row of the table."""
        first, second = self.seconds
        how = "works" if self.works else "packaged" if self.packaged else "refused"
        return (
            f"{self.name:18} {how:9} {self.packages:4} {first:6.1f} {second:6.1f}"
            f" {self.size / 1e6:7.1f}  {self.said}"
        )


@pytest.fixture(scope="module")
def host(module_hosts: HostPool) -> BootedHost:
    """A host that has nothing."""
    return module_hosts.booted()


def omnibuild(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "omnibuild", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def tried(name: str, base: Path, host: BootedHost) -> Tried:
    app = Tried(name)
    started = time.monotonic()
    done = omnibuild("init", name, "-C", base, "--json")
    middle = time.monotonic()
    if done.returncode == 0:
        app.packages = json.loads(done.stdout)["packages"]
        done = omnibuild("build", name, "-C", base, "-p", PLATFORM, "-o", base / "dist")
    app.seconds = (middle - started, time.monotonic() - middle)
    if done.returncode:
        app.said = told(done.stderr)
        return app
    app.packaged = True
    (package,) = (base / "dist").glob(f"{name}_*.deb")
    app.size = package.stat().st_size
    run(app, package, host)
    package.unlink()
    return app


def told(text: str) -> str:
    """Return the first line of an error, and the first that says why."""
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith("error[")), 0)
    return " / ".join(line.strip() for line in lines[first : first + 2])[:300]


def run(app: Tried, package: Path, host: BootedHost) -> None:
    """Install a package, ask its first commands who they are, purge it."""
    host.write(f"/root/{package.name}", package.read_bytes())
    done = host.run("dpkg", "--install", f"/root/{package.name}", check=False)
    if done.returncode:
        app.said = done.output[-300:]
        return
    listed = host.run("dpkg", "-L", app.name).stdout
    commands = re.findall(r"^/usr/bin/(\S+)$", listed, re.MULTILINE)
    # The one that is called like the app comes first.
    commands.sort(key=lambda command: (command != app.name, command))
    for command in commands[:3]:
        for option in ("--version", "--help"):
            done = host.run(command, option, check=False, timeout=60)
            if done.returncode == 0 and not app.works:
                app.works = True
                app.said = f"{command} {option}: {(done.output.splitlines() or [''])[0][:80]}"
    if not app.works:
        app.said = f"{commands[:1]}: {done.output[-200:]}" if commands else "no command"
    host.run("dpkg", "--purge", app.name)
    assert not host.exists(f"/opt/{app.name}")
    assert host.exists("/opt")


def test_apps_by_their_names(
    host: BootedHost,
    tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = tmp_path_factory.mktemp("apps")
    apps = []
    for name in NAMES:
        apps.append(tried(name, base, host))
        with capsys.disabled():
            sys.stdout.write(f"\n{apps[-1].line()}")
    packaged = sum(app.packaged for app in apps)
    with capsys.disabled():
        sys.stdout.write(f"\n{packaged} of {len(apps)} packaged, {sum(a.works for a in apps)} work")
        sys.stdout.write("\ncolumns: packages locked, seconds of init, of build, MB\n")
    assert packaged >= ENOUGH
