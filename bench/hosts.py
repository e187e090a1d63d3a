"""Measure what many hosts ask of one web server while packages are published.

Each of `--hosts` hosts has real apt in directories of its own. All of them update, and fetch the
newest package, again and again, so many at a time, while `--publishes` new versions come out. An
error of any is told and ends in status 1. Printed is what nginx answered: requests and bytes, all
and per update of a host; and beside it the same for a host that finds nothing new.

With `--layers` the hosts are homes that `install.sh --user` keeps current instead: hello of this
checkout as a tarball, of which three versions come out that differ in the app alone.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from tests.acceptance.products import copied, omnibuild, replace  # noqa: E402 - beside this
from tests.integration.remote.servers import nginx, running  # noqa: E402
from tests.integration.repository.clients import Apt  # noqa: E402
from tests.unit.repository.samples import package  # noqa: E402


@dataclass(frozen=True)
class Answers:
    """What a web server answered, by its log."""

    requests: int
    bytes: int

    def __sub__(self, other: Answers) -> Answers:
        return Answers(self.requests - other.requests, self.bytes - other.bytes)

    @classmethod
    def of(cls, log: Path) -> Answers:
        rows = [line.rpartition(b'" "')[0].split(b'" ')[1].split() for line in log.open("rb")]
        return cls(len(rows), sum(int(row[1]) for row in rows))


class Host(Protocol):
    """Somebody who follows the repository."""

    def update(self) -> str:
        """Bring the newest version; returns what went wrong, or nothing."""


@dataclass(frozen=True)
class AptHost:
    """A host that only fetches: to install as many packages would measure dpkg."""

    apt: Apt

    def update(self) -> str:
        for words in (("update",), ("install", "--download-only", "--yes", "hello")):
            done = self.apt.run(*words)
            if done.returncode:
                return f"{self.apt.root.name}: {done.stdout[-500:]}"
        return ""


@dataclass(frozen=True)
class Home:
    """Somebody's home, with the app in it."""

    path: Path
    repository: Path
    url: str

    def update(self) -> str:
        command = ["sh", self.repository / "install.sh", "--url", self.url, "--user", "hello"]
        environment = {**os.environ, "HOME": str(self.path)}
        done = subprocess.run(command, check=False, env=environment, capture_output=True, text=True)
        return f"{self.path.name}: {done.stderr[-500:]}" if done.returncode else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--publishes", type=int, default=20)
    parser.add_argument("--packages", type=int, default=100, help="others in the repository")
    parser.add_argument("--size", type=int, default=1 << 20, help="bytes that a package has")
    parser.add_argument("--layers", action="store_true", help="homes with a tarball of hello")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ob-") as name:
        base = Path(name)
        base.chmod(0o755)
        omnibuild("key", "create", base / "key", "--user", "Bench <bench@example.com>")
        failures = (with_layers if arguments.layers else with_apt)(base, arguments)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def publish(base: Path, *files: Path) -> None:
    omnibuild("publish", *files, "--repo", base / "repository", "--key", base / "key")


def with_apt(base: Path, arguments: argparse.Namespace) -> Sequence[str]:
    def newest(number: int) -> Path:
        content = random.Random(number).randbytes(arguments.size).hex()  # noqa: S311 - no secret
        return package(base, version=f"1.{number}", content=content[: arguments.size])

    def host(number: int, url: str) -> Host:
        apt = Apt(base / f"host-{number}")
        apt.follow(url, next(base.glob("repository/keys/*.gpg")))
        return AptHost(apt)

    others = [package(base, f"other-{number}") for number in range(arguments.packages)]
    publish(base, newest(0), *others)
    versions = (newest(number + 1) for number in range(arguments.publishes))
    return measure(base, arguments, host, versions)


def with_layers(base: Path, arguments: argparse.Namespace) -> Sequence[str]:
    def built(number: int) -> Path:
        workspace, version = copied(base / f"workspace-{number}"), f"1.0.{number}"
        for file in ("recipes/hello.toml", "examples/hello/pyproject.toml"):
            replace(workspace / file, 'version = "1.0.0"', f'version = "{version}"')
        replace(workspace / "examples/hello/src/hello/__init__.py", "1.0.0", version)
        dist = base / f"dist-{number}"
        omnibuild("build", "hello", "-C", workspace, "-p", "linux", "-o", dist)
        (tarball,) = dist.glob("*.tar.zst")
        print(f"{tarball.name}: {tarball.stat().st_size / 1e3:.1f} kB as one file", flush=True)
        return tarball

    def host(number: int, url: str) -> Host:
        path = base / f"home-{number}"
        path.mkdir()
        return Home(path, base / "repository", url)

    first, *later = [built(number) for number in range(1, 5)]
    publish(base, first)
    return measure(base, arguments, host, later)


def measure(
    base: Path,
    arguments: argparse.Namespace,
    host: Callable[[int, str], Host],
    versions: Iterable[Path],
) -> Sequence[str]:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program
    failures = list[str]()
    log = base / "nginx/access.log"
    with (
        running(nginx(program, base / "repository", base / "nginx")) as server,
        ThreadPoolExecutor(arguments.at_once) as pool,
    ):
        url = f"http://127.0.0.1:{server.port}"
        hosts = [host(number, url) for number in range(arguments.hosts)]

        def update() -> int:
            failures.extend(filter(None, pool.map(lambda each: each.update(), hosts)))
            return len(hosts)

        told("first update", log, update)
        told("nothing new", log, update)
        before, started = Answers.of(log), time.monotonic()
        publisher = threading.Thread(target=lambda: [publish(base, each) for each in versions])
        publisher.start()
        rounds = 1
        while publisher.is_alive():
            update()
            rounds += 1
        # This one finds all that was published.
        update()
        seconds, during = time.monotonic() - started, Answers.of(log) - before
        tell("while versions come out", during, rounds * len(hosts), seconds)
    return failures


def told(name: str, log: Path, work: Callable[[], int]) -> None:
    before = Answers.of(log) if log.exists() else Answers(0, 0)
    started = time.monotonic()
    count = work()
    answers = Answers.of(log) - before
    tell(name, answers, count, time.monotonic() - started)


def tell(name: str, answers: Answers, updates: int, seconds: float) -> None:
    print(
        f"{name}: {updates} updates in {seconds:.0f} s, load {os.getloadavg()[0]:.0f};"
        f" {answers.requests} requests and {answers.bytes / 1e6:.1f} MB:"
        f" {answers.requests / updates:.1f} and {answers.bytes / updates / 1e3:.1f} kB an update",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
