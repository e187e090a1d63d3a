"""Measure what surrounds the compilers for an app with every layer under it.

The app of the certification of native libraries is packaged with nginx, PostgreSQL, Valkey, httpd
and all that these need. In a copy of a store that has its components (`--store`), prints medians of
the seconds that assembling, auditing and packing a new version take, when nothing is known of its
files and when all is. With `--clean`: all of it is compiled in an empty store, its sources fetched
before; prints its wall time beside the steps' CPU seconds spread over the cores.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from omnibuild.tools import Tool

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from bench.build import beside_floor, watched  # noqa: E402 - beside this
from bench.package_app import copy_store  # noqa: E402

DPKG_DEB = Tool("dpkg-deb", package="dpkg")

NATIVES = CHECKOUT / "tests/certification/stacks/natives"
MORE = """
[software]
httpd = "2.4"
jemalloc = "5.3"

[bundle.postgresql]
[bundle.valkey]

[web]
server = "own"
command = "natives {path}"
proxy = "nginx"
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path.home() / ".cache/omnibuild")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clean", action="store_true")
    arguments = parser.parse_args()
    # Beside the store, so that copies can share its bytes.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.store.parent) as name:
        workspace = Path(name) / "workspace"
        shutil.copytree(NATIVES, workspace)
        with (workspace / "recipes/natives.toml").open("a") as recipe:
            recipe.write(MORE)
        if arguments.clean:
            clean(Path(name), workspace)
        else:
            warm(Path(name), workspace, arguments.store, arguments.runs)
    return 0


def clean(base: Path, workspace: Path) -> None:
    """Compile it all, and print how near that is to what the steps take."""
    cache = base / "cache"
    fetching = omnibuild(cache, workspace, "fetch")
    # Its events are read, or it would wait for ever to tell the next.
    fetching.communicate()
    if fetching.returncode:
        raise SystemExit("omnibuild fetch failed")
    sample = watched(omnibuild(cache, workspace, "build", "-o", str(base / "dist")), cache)
    per_core = sample.steps / len(os.sched_getaffinity(0))
    print("| clean | wall s | step CPU s | wall / (step CPU / cores) | with the root's CPU |")
    print("|---|---|---|---|---|")
    numbers = f"{sample.wall:.0f} | {sample.steps:.0f} | {sample.wall / per_core:.2f}"
    print(f"| full stack | {numbers} | {beside_floor(sample):.2f} |")


def warm(base: Path, workspace: Path, store: Path, runs: int) -> None:
    """Print what is done for a version of the app, without and with what is known of its files."""
    cache, dist = base / "cache", base / "dist"
    copy_store(store, cache)
    found: dict[str, list[float]] = {}
    for number in range(runs):
        for known in (False, True):
            if not known:
                shutil.rmtree(cache / "searched", ignore_errors=True)
            release(workspace, f"1.{number}.{int(known)}")
            shutil.rmtree(dist, ignore_errors=True)
            sample = watched(omnibuild(cache, workspace, "build", "-o", str(dist)), cache)
            for kind in ("payload", "audit", "package"):
                title = f"{kind}, {'files known' if known else 'files new'}"
                found.setdefault(title, []).append(sample.kinds[kind])
    (package,) = dist.glob("*.deb")
    installed = DPKG_DEB.run("--field", package, "Installed-Size").stdout.decode().strip()
    print(f"| {int(installed) / 1000:.0f} MB installed | s |\n|---|---|")
    for title, seconds in found.items():
        print(f"| {title} | {statistics.median(seconds):.2f} |")


def release(workspace: Path, version: str) -> None:
    """Make another version of the app."""
    recipe = workspace / "recipes/natives.toml"
    recipe.write_text(
        re.sub(r'(?m)^version = "1\..*', f'version = "{version}"', recipe.read_text())
    )


def omnibuild(cache: Path, workspace: Path, command: str, *more: str) -> subprocess.Popen[str]:
    """Start it with events as its output."""
    words = [command, "natives", "-C", str(workspace), "--cache-dir", str(cache), "--json"]
    return subprocess.Popen(
        [sys.executable, "-m", "omnibuild", *words, "-p", "debian-12", *more],
        stdout=subprocess.PIPE,
        text=True,
    )


if __name__ == "__main__":
    sys.exit(main())
