"""Measure what many hosts ask of one web server while packages are published.

Each of `--hosts` hosts has real apt in directories of its own. All of them update, and fetch the
newest package, again and again, so many at a time, while `--publishes` new versions come out. An
error of any is told and ends in status 1. Printed is what nginx answered: requests and bytes, all
and per update of a host; and beside it the same for a host that finds nothing new.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from tests.acceptance.products import omnibuild  # noqa: E402 - it is beside this directory
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=200)
    parser.add_argument("--at-once", type=int, default=20)
    parser.add_argument("--publishes", type=int, default=20)
    parser.add_argument("--packages", type=int, default=100, help="others in the repository")
    parser.add_argument("--size", type=int, default=1 << 20, help="bytes that a package has")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ob-") as name:
        failures = measure(Path(name), arguments)
    for failure in failures:
        print(failure, file=sys.stderr)
    return 1 if failures else 0


def measure(base: Path, arguments: argparse.Namespace) -> Sequence[str]:
    root, key = base / "repository", base / "key"
    base.chmod(0o755)
    root.mkdir()
    omnibuild("key", "create", key, "--user", "Bench <bench@example.com>")
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program

    def publish(*files: Path) -> None:
        omnibuild("publish", *files, "--repo", root, "--key", key)

    def newest(number: int) -> Path:
        content = random.Random(number).randbytes(arguments.size).hex()  # noqa: S311 - no secret
        return package(base, version=f"1.{number}", content=content[: arguments.size])

    others = [package(base, f"other-{number}") for number in range(arguments.packages)]
    publish(newest(0), *others)
    keyring = next(root.glob("keys/*.gpg"))
    with running(nginx(program, root, base / "nginx")) as server:
        hosts = [Apt(base / f"host-{number}") for number in range(arguments.hosts)]
        for host in hosts:
            host.follow(f"http://127.0.0.1:{server.port}", keyring)
        log = base / "nginx/access.log"
        failures = list[str]()
        with ThreadPoolExecutor(arguments.at_once) as pool:
            told("first update", log, lambda: updates(pool, hosts, failures))
            told("nothing new", log, lambda: updates(pool, hosts, failures))
            publisher = threading.Thread(
                target=lambda: [publish(newest(n + 1)) for n in range(arguments.publishes)]
            )
            publisher.start()
            rounds = 0
            before, started = Answers.of(log), time.monotonic()
            while publisher.is_alive() or not rounds:
                updates(pool, hosts, failures)
                rounds += 1
            seconds, during = time.monotonic() - started, Answers.of(log) - before
            publisher.join()
        tell(f"{arguments.publishes} publishings", during, rounds * len(hosts), seconds)
    return failures


def updates(pool: ThreadPoolExecutor, hosts: Sequence[Apt], failures: list[str]) -> int:
    """Have all hosts update and fetch once; returns how many there are."""

    def update(host: Apt) -> None:
        for words in (("update",), ("install", "--download-only", "--yes", "hello")):
            done = host.run(*words)
            if done.returncode:
                failures.append(f"{host.root.name}: {done.stdout[-500:]}")

    list(pool.map(update, hosts))
    return len(hosts)


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
