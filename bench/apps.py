"""Measure apps of the Python index: locking, a new small app, a new large one.

The store with built components (`--store`) is used as a hard-linked copy, from which nothing of the
measured apps is taken but what was fetched before. Prints medians, and the machine's load, since
other work on it counts for all rows.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

from uv import find_uv_bin

from omnibuild.sources.python.machine import machine_indexes

# 60 distributions; how many they are today the table says.
LOCKED = ("scrapy", "sphinx")
PURE = "cowsay==6.1"
# 100 distributions with 150 MB of files, about.
LARGE = (
    "jupyter-server",
    "celery[redis]",
    "twine",
    "flask",
    "docutils",
    "mako",
    "markdown",
    "tomli",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--store", type=Path, default=Path.home() / ".cache/omnibuild")
    parser.add_argument("--only", choices=("locking", "pure", "large"), action="append")
    arguments = parser.parse_args()
    measures: dict[str, Callable[[Path, Path, int], None]] = {
        "locking": locking,
        "pure": pure,
        "large": large,
    }
    for name, measure in measures.items():
        if not arguments.only or name in arguments.only:
            # Beside the store, so that a copy can share its bytes.
            with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.store.parent) as base:
                measure(Path(base), arguments.store, arguments.runs)
    return 0


def locking(base: Path, store: Path, runs: int) -> None:
    """Print how long a lock takes, beside uv with the same requirements, turn by turn."""
    # Locking takes nothing of a store but sources that somebody must build to know them.
    workspace, cache = project(base, store, LOCKED), store
    own, peer = [], []
    for _ in range(runs):
        (workspace / "pylock.bench.toml").unlink(missing_ok=True)
        own.append(timed(lambda: omnibuild(cache, "lock", workspace)))
        peer.append(timed(lambda: compile_alone(workspace)))
    count = len(tomllib.loads((workspace / "pylock.bench.toml").read_text())["packages"])
    one, other = statistics.median(own), statistics.median(peer)
    print(f"| lock of {count} distributions | seconds |\n|---|---|")
    print(f"| omnibuild lock | {one:.2f} |")
    print(f"| uv pip compile | {other:.2f} |")
    print(f"\n{one / other:.2f} times (goal: 1.3); {load()}\n", flush=True)


def pure(base: Path, store: Path, runs: int) -> None:
    """Print how long a new pure app takes from its name to a package."""
    resolving, starting, building = [], [], []
    for number in range(runs):
        workspace, cache = base / f"new-{number}", base / f"cache-{number}"
        workspace.mkdir()
        copy_store(store, cache)
        (workspace / "requirements.txt").write_text(PURE)
        resolving.append(timed(lambda workspace=workspace: compile_alone(workspace)))
        words = (PURE, "-C", workspace)
        starting.append(timed(lambda cache=cache, words=words: omnibuild(cache, "init", *words)))
        building.append(build(cache, "-C", workspace, "-o", workspace / "dist"))
        shutil.rmtree(cache)
    one, two, three = map(statistics.median, (resolving, starting, building))
    print("| a new pure app | seconds |\n|---|---|")
    print(f"| uv pip compile of it | {one:.2f} |")
    print(f"| omnibuild init | {two:.2f} |")
    print(f"| omnibuild build | {three:.2f} |")
    print(f"\n{two - one + three:.2f} s besides resolving once (goal: 5 s); {load()}\n", flush=True)


def large(base: Path, store: Path, runs: int) -> None:
    """Print how long the first package of an app with a hundred distributions takes."""
    workspace, cache = prepared(base, store, LARGE)
    lock = tomllib.loads((workspace / "pylock.bench.toml").read_text())
    omnibuild(cache, "fetch", workspace, "-p", "debian-12")
    seconds = []
    for number in range(runs):
        copy = base / f"cache-{number}"
        copy_store(cache, copy)
        seconds.append(build(copy, workspace, "-o", base / "dist"))
        shutil.rmtree(copy)
    (package,) = (base / "dist").glob("*.deb")
    fields = ["dpkg-deb", "--field", str(package), "Installed-Size"]
    size = int(subprocess.run(fields, stdout=subprocess.PIPE, check=True).stdout) / 1000
    print("| a new app | distributions | MB installed | MB of the .deb | seconds |")
    print("|---|---|---|---|---|")
    shown = f"{size:.0f} | {package.stat().st_size / 1e6:.0f} | {statistics.median(seconds):.1f}"
    print(f"| from lock to .deb | {len(lock['packages'])} | {shown} |")
    print(f"\ngoal: 15 s for 100 distributions and 150 MB; {load()}\n", flush=True)


def prepared(base: Path, store: Path, requirements: tuple[str, ...]) -> tuple[Path, Path]:
    """Return a project with a recipe and a lock, and a copy of the store."""
    copy_store(store, base / "cache")
    return project(base, base / "cache", requirements), base / "cache"


def project(base: Path, cache: Path, requirements: tuple[str, ...]) -> Path:
    """Return a project with a recipe and a lock."""
    workspace = base / "bench"
    workspace.mkdir()
    (workspace / "requirements.txt").write_text("\n".join(requirements))
    omnibuild(cache, "init", workspace, "-C", workspace)
    return workspace


def copy_store(store: Path, copy: Path) -> None:
    subprocess.run(["cp", "-al", str(store), str(copy)], check=True)
    for part in ("leases", "locks", "scratch"):
        shutil.rmtree(copy / part, ignore_errors=True)


def omnibuild(cache: Path, *words: str | Path) -> str:
    command = [sys.executable, "-m", "omnibuild", *map(str, words), "--cache-dir", str(cache)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def build(cache: Path, *words: str | Path) -> float:
    """Build for Debian 12; return the seconds without what was fetched."""
    started = time.monotonic()
    said = omnibuild(cache, "build", *words, "-p", "debian-12", "--json")
    wall = time.monotonic() - started
    events = [json.loads(line) for line in said.splitlines()]
    ran = [e for e in events if e["event"] == "ActionFinished" and not e["cached"]]
    assert any(event["kind"] == "install" for event in ran), "nothing of it was new"
    return wall


def compile_alone(workspace: Path) -> None:
    """Resolve as `omnibuild lock` does, without it."""
    words = ["pip", "compile", "--quiet", "--no-config", "--no-build", "--no-cache"]
    words += ["--format", "pylock.toml", "--python-version", "3.13", "--no-header"]
    words += ["--python", sys.executable]
    words += ["--python-platform", "x86_64-manylinux_2_28", "--output-file", "pylock.toml"]
    subprocess.run(
        [find_uv_bin(), *words, "requirements.txt"],
        cwd=workspace,
        env={**os.environ, "UV_DEFAULT_INDEX": machine_indexes(os.environ).index},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    (workspace / "pylock.toml").unlink()


def timed(work: Callable[[], object]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


if __name__ == "__main__":
    raise SystemExit(main())
