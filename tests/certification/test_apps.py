"""What strangers have: apps of the index and projects, from `init` to a booted host and away again.

Each is made a package with nothing but what `init` writes, installed, used, upgraded to a second
revision, used again and purged.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.hosts import BootedHost, CommandFailedError, HostPool, eventually
from tests.certification.projects import GIANT, PROJECTS, Project
from tests.certification.uses import USES, Use

NAMES = Path(__file__).with_name("apps.txt").read_text().split()
# Some versions by some people say so: OMNIBUILD_APPS="scrapy shop" tries these alone.
ONLY = os.environ.get("OMNIBUILD_APPS", "").split()
# Of the list as it is: one sdist of it is broken on new interpreters by itself, one wants headers
# of libraries that have no definition yet.
ENOUGH = 22
PLATFORM = "debian-12"
# Minutes after which no further app is begun; what was not tried is told.
MINUTES = float(os.environ.get("OMNIBUILD_MINUTES", "600"))
STARTED = time.monotonic()
HEADING = (
    "app              came to   dist   init  build   .deb  there  by hand   used: twice, with an"
    " upgrade between (seconds, MB)"
)
# Seconds. Nobody waits longer for a package.
PATIENCE = 900


@dataclass
class Tried:
    """How far one app came.

    Args:
        name: of the app.
        stage: the last thing that it did.
        said: the error's first lines, or what was used.
        packages: distributions that were locked.
        seconds: of ``init`` and of ``build``.
        size: bytes of the package, and of what it installs.
        written: lines that somebody had to add to what ``init`` wrote.
    """

    name: str
    stage: str = "refused"
    said: str = ""
    packages: int = 0
    seconds: list[float] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    written: str = ""

    def line(self) -> str:
        """Return its row of the table."""
        spent = "".join(f" {each:6.1f}" for each in (*self.seconds, 0.0, 0.0)[:2])
        sizes = "".join(f" {each / 1e6:6.1f}" for each in self.size)
        written = self.written or "nothing"
        end = f"{written:9} {self.said}"
        return f"{self.name:16} {self.stage:9} {self.packages:4}{spent}{sizes}  {end}"


class Failed(Exception):  # noqa: N818 - it ends one app, not the run
    """An app did not get on; what it says goes into its row."""


@pytest.fixture(scope="module")
def host(module_hosts: HostPool) -> BootedHost:
    """A host that has nothing."""
    return module_hosts.booted()


@pytest.fixture(scope="module")
def tell(pytestconfig: pytest.Config) -> Iterator[Callable[[str], None]]:
    """Tell of each app as soon as it is done: the run takes a while."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def told(line: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stdout.write(f"\n{line}\n")
            sys.stdout.flush()

    return told


def omnibuild(*words: str | Path) -> str:
    command = [sys.executable, "-m", "omnibuild", *map(str, words)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        raise Failed(f"`{words[0]}` takes longer than {PATIENCE} s") from error
    if done.returncode:
        raise Failed(reason(done.stderr))
    return done.stdout


def reason(text: str) -> str:
    """Return the first lines of an error."""
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith("error[")), 0)
    return " / ".join(line.strip() for line in lines[first : first + 3])[:300]


def made(app: Tried, subject: str | Path, base: Path, write: str) -> Path:
    """Return the package that ``init`` and ``build`` make of an app."""
    dist = base / "dist"
    started = time.monotonic()
    said = json.loads(omnibuild("init", subject, "-C", base, "--json"))
    app.packages = said["packages"]
    app.seconds.append(time.monotonic() - started)
    if write:
        recipe = Path(said["recipe"])
        recipe.write_text(f"{recipe.read_text()}\n{write}\n")
        app.written = f"{len(write.split())} words"
    started = time.monotonic()
    omnibuild("build", said["recipe"], "-C", base, "-p", PLATFORM, "-o", dist)
    app.seconds.append(time.monotonic() - started)
    (package,) = dist.glob("*.deb")
    app.stage = "packaged"
    app.size = (package.stat().st_size, 0)
    return package


def next_revision(app: Tried, base: Path) -> Path:
    """Return the app's package in a second revision."""
    recipes = [*base.glob("recipes/*.toml"), *base.glob("*/omnibuild.toml")]
    (recipe,) = (path for path in recipes if not path.name.startswith("pylock."))
    text = recipe.read_text()
    table = "[package]\n" in text
    new = text.replace("[package]\n", '[package]\nrevision = "2"\n')
    recipe.write_text(new if table else f'{text}\n[package]\nrevision = "2"\n')
    shutil.rmtree(base / "dist")
    omnibuild("build", recipe, "-C", base, "-p", PLATFORM, "-o", base / "dist")
    (package,) = (base / "dist").glob("*.deb")
    return package


def install(app: Tried, package: Path, host: BootedHost) -> None:
    host.write(f"/root/{package.name}", package.read_bytes())
    done = host.run("dpkg", "--install", f"/root/{package.name}", check=False)
    host.run("rm", f"/root/{package.name}")
    if done.status:
        raise Failed(f"dpkg: {done.output[-250:]}")
    app.stage = "installed" if app.stage == "packaged" else app.stage


def purge(app: str, host: BootedHost) -> None:
    host.run("dpkg", "--purge", app)
    for path in (f"/opt/{app}", f"/var/lib/{app}", f"/var/log/{app}"):
        assert not host.exists(path), path
    assert host.run("systemctl", "--failed", "--no-legend", "--plain").stdout == ""


def call_commands(app: str, host: BootedHost) -> str:
    """Ask the first commands of an app who they are."""
    listed = host.run("dpkg", "-L", app).stdout
    commands = re.findall(r"^/usr/bin/(\S+)$", listed, re.MULTILINE)
    # The one that is called like the app comes first.
    commands.sort(key=lambda command: (command != app, command))
    output = ""
    for command in commands[:3]:
        for option in ("--version", "--help"):
            done = host.run(command, option, check=False, timeout=60)
            output = output or done.output[-200:]
            if done.status == 0:
                return f"{command} {option}: {(done.output.splitlines() or [''])[0][:50]}"
    raise Failed(f"{commands[0]}: {output}" if commands else "it brings no command of its own")


def use(use: Use, host: BootedHost) -> None:
    """Use an installed app as its row says."""
    host.shell("rm -rf /root/use && mkdir -p /root/use")
    try:
        done = host.run("sh", "-euc", use.script, check=False, timeout=180, directory="/root/use")
        if done.status or use.says not in done.output:
            raise Failed(done.output[-250:])
        if use.url:
            answered = lambda: use.answers in host.fetch(use.url).body  # noqa: E731
            eventually(patient(answered), f"{use.url} answers", seconds=60, pause=0.3)
    except CommandFailedError as error:
        journal = host.journal("--unit=use", "--lines=5", "--output=cat")
        raise Failed(f"{str(error)[-120:]}: {journal[-200:]}") from error
    finally:
        host.run("systemctl", "stop", "use", check=False)
        host.run("systemctl", "reset-failed", check=False)


def patient(condition: Callable[[], bool]) -> Callable[[], bool]:
    """Return a condition for which a server that does not listen yet is no error."""

    def holds() -> bool:
        try:
            return condition()
        except CommandFailedError:
            return False

    return holds


@dataclass(frozen=True)
class Trial:
    """What is done with one app.

    Args:
        subject: what ``init`` is told.
        base: where all of it is made.
        check: uses the installed app, for the first and the second time; returns what it was used
            for.
        write: what is added to the recipe of ``init``.
        change: changes the app before its second revision.
    """

    subject: str | Path
    base: Path
    check: Callable[[int], str]
    write: str = ""
    change: Callable[[], None] = lambda: None


def tried(app: Tried, trial: Trial, host: BootedHost) -> Tried:
    """Take an app through all that it has to do; its row says how far it came."""
    try:
        install(app, made(app, trial.subject, trial.base, trial.write), host)
        app.size = (app.size[0], installed_size(app.name, host))
        app.said = trial.check(1)
        app.stage = "used"
        trial.change()
        install(app, next_revision(app, trial.base), host)
        app.said = trial.check(2)
        app.stage = "works"
    except Failed as failure:
        app.said = f"{failure}".replace("\n", " / ")
    finally:
        if host.exists(f"/opt/{app.name}"):
            purge(app.name, host)
    return app


def installed_size(app: str, host: BootedHost) -> int:
    return int(host.run("du", "-s", "--block-size=1", f"/opt/{app}").stdout.split()[0])


def late() -> bool:
    return time.monotonic() - STARTED > 60 * MINUTES


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_projects(
    host: BootedHost, tmp_path: Path, tell: Callable[[str], None], project: Project
) -> None:
    try_project(host, tmp_path, tell, project)


def try_project(
    host: BootedHost, tmp_path: Path, tell: Callable[[str], None], project: Project
) -> None:
    if ONLY and project.name not in ONLY:
        pytest.skip("OMNIBUILD_APPS names others")
    if project is PROJECTS[0]:
        tell(HEADING)
    if late():
        pytest.fail(f"{project.name} was not tried: the run was limited to {MINUTES:g} minutes")
    source = tmp_path / project.name
    shutil.copytree(project.source, source)
    if project.environment:
        lines = "".join(f"{key}={value}\n" for key, value in project.environment.items())
        host.write(f"/etc/{project.name}/environment", lines)

    def check(number: int) -> str:
        try:
            return project.check(host, number)
        except AssertionError as error:
            journal = host.journal("--lines=8", "--output=cat", f"--unit={project.name}*")
            raise Failed(f"{str(error)[:300]} {journal[-300:]}") from error

    def change() -> None:
        for path in project.changed:
            text = (source / path).read_text()
            assert project.change[0] in text
            (source / path).write_text(text.replace(*project.change))

    trial = Trial(source, tmp_path, check, change=change)
    app = tried(Tried(project.name), trial, host)
    host.run("rm", "-rf", f"/etc/{project.name}")
    tell(app.line())
    assert app.stage == "works", app.said


def test_apps_of_the_index(
    host: BootedHost, tmp_path_factory: pytest.TempPathFactory, tell: Callable[[str], None]
) -> None:
    names = [name for name in NAMES if not ONLY or name in ONLY]
    apps = []
    for name in sorted(names, key=lambda name: name not in USES):
        if late():
            tell(Tried(name, "untried", f"the run was limited to {MINUTES:g} minutes").line())
            continue
        base = tmp_path_factory.mktemp(name)
        used = USES.get(name, Use())
        trial = Trial(name, base, partial(check_by_name, name, used, host), used.write)
        apps.append(tried(Tried(name), trial, host))
        tell(apps[-1].line())
        shutil.rmtree(base)
    packaged = [app for app in apps if app.stage != "refused"]
    working = [app for app in apps if app.stage == "works"]
    tell(f"{len(packaged)} of {len(names)} are packages, {len(working)} work\n")
    assert len(packaged) >= min(ENOUGH, len(names)), names


def check_by_name(name: str, used: Use, host: BootedHost, _: int) -> str:
    said = call_commands(name, host)
    if used.script:
        use(used, host)
        said = f"{said}; {used.summary}"
    return said


def test_a_giant(host: BootedHost, tmp_path: Path, tell: Callable[[str], None]) -> None:
    try_project(host, tmp_path, tell, GIANT)
