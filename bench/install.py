"""Measure installing a package beside the same files as an xz .deb of dpkg-deb, in turns.

An app of this checkout is built, and its .deb is packed again by `dpkg-deb -Zxz`, with the same
scripts. Installed, and removed again, are both by apt on Debian 12, and the .rpm by dnf on a
simulated EL 9; printed are medians of wall seconds, and ratios to the xz .deb.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from tests.acceptance.hosts import Host, HostPool  # noqa: E402 - it is beside this directory
from tests.acceptance.operators import DNF  # noqa: E402
from tests.acceptance.products import omnibuild  # noqa: E402

APT = ("apt-get", "--yes", "--quiet")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", default="hello")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--release", action="store_true", help="compressed as released ones are")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omnibuild-bench-") as name, HostPool() as pool:
        base = Path(name)
        words = ["--release"] if arguments.release else []
        platforms = ("-p", "debian-12", "-p", "el9")
        omnibuild("build", arguments.app, "-C", CHECKOUT, *platforms, "-o", base / "dist", *words)
        (deb,), (rpm,) = (list((base / "dist").glob(f"*.{form}")) for form in ("deb", "rpm"))
        pack_again(deb, base / "xz" / deb.name)
        binds = {base: "/packages"}
        debian, el = pool.debian("bookworm", binds=binds), pool.simulated_el(binds=binds)
        debian.run(*APT, "update", check=False)
        ways: dict[str, Callable[[], float]] = {
            ".deb": lambda: timed(debian, APT, f"/packages/dist/{deb.name}", arguments.app),
            "xz .deb": lambda: timed(debian, APT, f"/packages/xz/{deb.name}", arguments.app),
            ".rpm": lambda: timed(
                el, (*DNF, "--nogpgcheck"), f"/packages/dist/{rpm.name}", arguments.app
            ),
        }
        taken: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(arguments.runs + 1):
            for way, run in ways.items():
                taken[way].append(run())
        report({way: statistics.median(seconds[1:]) for way, seconds in taken.items()})
    return 0


def pack_again(deb: Path, target: Path) -> None:
    """Write the same package by dpkg-deb, compressed by xz."""
    target.parent.mkdir()
    tree = target.parent / "tree"
    subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
    words = ("dpkg-deb", "--root-owner-group", "-Zxz", "--build", tree, target)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def timed(host: Host, manager: tuple[str, ...], path: str, app: str) -> float:
    """Return the seconds that installing a file takes; it is removed again."""
    began = time.monotonic()
    host.run(*manager, "install", path)
    taken = time.monotonic() - began
    host.run(*manager, "purge" if manager is APT else "remove", app)
    return taken


def report(medians: dict[str, float]) -> None:
    """Print what was measured."""
    print("| | wall s | to the xz .deb |\n|---|---|---|")
    for way, seconds in medians.items():
        print(f"| {way} | {seconds:.2f} | {seconds / medians['xz .deb']:.2f} |")


if __name__ == "__main__":
    sys.exit(main())
