"""Measure builds of hello: clean, unchanged, and with only the app changed.

Prints one table of medians: wall seconds; CPU seconds of omnibuild and all that it started; CPU
seconds of the steps alone, and how the wall time compares to them spread evenly over the cores;
ratios to the clean build; and the wall time during which no action was running. Sources are fetched
before; the clean build includes its root, which is installed on one core before anything else can
start: its seconds are told apart. `--runs N` counts the quick ones, `--clean N` the clean ones;
`--sandbox` isolates the steps of the clean ones.
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
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild.store.store import Store

CHECKOUT = Path(__file__).resolve().parent.parent
PLATFORMS = ("debian-12", "el9", "linux")


@dataclass
class Sample:
    wall: float
    cpu: float
    steps: float
    idle: float
    ran: int
    root_wall: float = 0.0
    root_cpu: float = 0.0
    kinds: dict[str, float] = field(default_factory=dict)
    """Wall seconds of the actions of each kind that ran."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clean", type=int, default=1)
    parser.add_argument("--sandbox", default="bubblewrap")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="omnibuild-bench-") as name:
        base = Path(name)
        workspace = base / "workspace"
        for part in ("recipes", "examples", "package-scripts"):
            shutil.copytree(CHECKOUT / part, workspace / part)
        rows = {
            "clean": [clean(base, workspace, arguments.sandbox) for _ in range(arguments.clean)]
        }
        cache = base / "cache"
        rows["no change"] = [run(cache, workspace) for _ in range(arguments.runs)]
        rows["app changed"] = [changed(cache, workspace, n) for n in range(arguments.runs)]
    report(rows)
    return 0


def clean(base: Path, workspace: Path, sandbox: str) -> Sample:
    shutil.rmtree(base / "cache", ignore_errors=True)
    fetching = omnibuild(base / "cache", workspace, "fetch")
    fetching.communicate()
    if fetching.returncode:
        raise SystemExit("omnibuild fetch failed")
    return run(base / "cache", workspace, "--sandbox", sandbox)


def changed(cache: Path, workspace: Path, number: int) -> Sample:
    page = workspace / "examples/hello/src/hello/__init__.py"
    page.write_text(page.read_text() + f"# change {number}\n")
    return run(cache, workspace)


def run(cache: Path, workspace: Path, *words: str) -> Sample:
    process = omnibuild(cache, workspace, "build", "-o", str(cache.parent / "dist"), *words)
    return watched(process, cache)


def watched(process: subprocess.Popen[str], cache: Path) -> Sample:
    """Follow a build by its events until it ends."""
    before, started = os.times(), time.monotonic()
    running: dict[str, tuple[float, float]] = {}
    done: list[str] = []
    idle, since, ran = 0.0, started, 0
    root, kinds = (0.0, 0.0), dict[str, float]()
    for line in process.stdout or ():
        now, event = time.monotonic(), json.loads(line)
        if event["event"] == "ActionStarted":
            if not running:
                idle += now - since
            running[event["action"]] = now, children_cpu(process.pid)
            ran += 1
        elif event["event"] == "ActionFinished" and event["action"] in running:
            start, cpu = running.pop(event["action"])
            kinds[event["kind"]] = kinds.get(event["kind"], 0) + now - start
            if event["kind"] == "root":
                root = now - start, children_cpu(process.pid) - cpu
            done.append(event["action"])
            since = now
    if process.wait():
        raise SystemExit("omnibuild build failed")
    after, ended = os.times(), time.monotonic()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    steps = step_cpu(cache, done)
    return Sample(ended - started, cpu, steps, idle + ended - since, ran, *root, kinds)


def children_cpu(pid: int) -> float:
    """Return the CPU seconds of all children that a process has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")


def step_cpu(cache: Path, actions: list[str]) -> float:
    """Return the CPU seconds that the steps of these actions took, as the store recorded them."""
    store = Store(cache)
    lasts = [store.history.last(name) for name in actions]
    results = [store.result(last.key) for last in lasts if last]
    return sum(result.cpu for result in results if result)


def omnibuild(cache: Path, workspace: Path, command: str, *more: str) -> subprocess.Popen[str]:
    words = [command, "hello", "-C", str(workspace), "--cache-dir", str(cache), "--json", *more]
    words += [word for name in PLATFORMS for word in ("-p", name)]
    return subprocess.Popen(
        [sys.executable, "-m", "omnibuild", *words], stdout=subprocess.PIPE, text=True
    )


def beside_floor(sample: Sample) -> float:
    """Return a clean build's wall time beside all that it compiles, spread over the cores."""
    return sample.wall / ((sample.steps + sample.root_cpu) / len(os.sched_getaffinity(0)))


def report(rows: dict[str, list[Sample]]) -> None:
    whole = statistics.median(sample.wall for sample in rows["clean"])
    cores = len(os.sched_getaffinity(0))
    print(
        "| hello, 3 platforms | wall s | CPU s | step CPU s | wall / (step CPU / cores) | actions"
        " | wall / clean | nothing running, s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, samples in rows.items():
        wall, cpu, steps, idle = (
            statistics.median(getattr(sample, field) for sample in samples)
            for field in ("wall", "cpu", "steps", "idle")
        )
        spread = f"{wall / (steps / cores):.2f}" if steps else "-"
        print(
            f"| {name} | {wall:.2f} | {cpu:.2f} | {steps:.2f} | {spread} | {samples[-1].ran}"
            f" | {wall / whole:.4f} | {idle:.2f} |"
        )
    for sample in rows["clean"]:
        print(
            f"clean: its root takes {sample.root_wall:.1f} s and {sample.root_cpu:.1f} CPU s;"
            f" wall / ((step CPU + root CPU) / cores) = {beside_floor(sample):.2f}"
        )


if __name__ == "__main__":
    sys.exit(main())
