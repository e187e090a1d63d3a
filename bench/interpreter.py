"""Measure a packaged interpreter beside Debian 13's own, in turns on one Debian 13.

A command-line app of one module is built (in `--store`, with `--release` unless `--quick`) and
installed beside Debian's python3.13. Prints the package's size, and medians: starting, importing
what programs import, and programs of pyperformance, which must be installed where this is run
(`pip install pyperformance pyperf`). All seconds are the processor's, since other work on the
machine counts for wall time; `--wall` measures that instead.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from tests.acceptance.hosts import Host, HostPool  # noqa: E402 - it is beside this directory

OWN, DEBIAN = "/opt/tiny/bin/python3.13", "/usr/bin/python3.13"
RECIPE = """\
[app]
name = "tiny"
version = "1.0"
summary = "A command that fetches a page"
license = "MIT"
maintainer = "Bench <bench@example.com>"
[source]
path = "."
[python]
version = "3.13"
[commands]
tiny = "python -m tiny"
"""
MODULE = """\
import argparse, json, urllib.request

parser = argparse.ArgumentParser()
parser.add_argument("url")
with urllib.request.urlopen(parser.parse_args().url) as answer:
    print(json.dumps(dict(answer.headers)))
"""
STARTS = {
    "start, -I -S": ("-I", "-S", "-c", "pass"),
    "start": ("-c", "pass"),
    "start, -I": ("-I", "-c", "pass"),
    "import what a service does": (
        "-I",
        "-c",
        "import argparse, asyncio, dataclasses, datetime, email, json, logging, pathlib, re,"
        " sqlite3, ssl, subprocess, typing, urllib.request",
    ),
}
# Programs of pyperformance with the loops that take some tenths of a second.
PROGRAMS = {
    "async_generators": 1,
    "chaos": 4,
    "comprehensions": 4000,
    "coroutines": 12,
    "deepcopy": 400,
    "deltablue": 80,
    "fannkuch": 1,
    "float": 4,
    "generators": 8,
    "go": 2,
    "hexiom": 24,
    "json_dumps": 30,
    "json_loads": 6000,
    "logging simple": 30000,
    "nbody": 2,
    "nqueens": 3,
    "pathlib": 8,
    "pickle pickle": 400,
    "pickle unpickle": 300,
    "pickle --pure-python pickle": 600,
    "pidigits": 1,
    "pyflate": 1,
    "raytrace": 1,
    "regex_effbot": 60,
    "richards": 4,
    "scimark fft": 1,
    "scimark sor": 2,
    "spectral_norm": 3,
    "sqlite_synth": 1000,
    "telco": 30,
    "typing_runtime_protocols": 400,
    "unpack_sequence": 600000,
    "xml_etree parse": 1,
}
# pyperf measures wall time; another clock is put under it.
DRIVER = """\
import runpy, sys, time
time.perf_counter = getattr(time, sys.argv[1])
sys.argv = sys.argv[2:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
# Run by one interpreter for both, so that it costs both the same.
STARTER = """\
import json, resource, subprocess, sys, time
clock, runs, *words = json.loads(sys.argv[1])
taken = {python: [] for python in words[0]}
for _ in range(runs + 2):
    for python in words[0]:
        before, wall = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([python, *words[1]], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        taken[python].append(time.perf_counter() - wall if clock == "perf_counter" else cpu)
print(json.dumps({python: seconds[2:] for python, seconds in taken.items()}))
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path, default=Path.home() / ".cache/omnibuild")
    parser.add_argument("--quick", action="store_true", help="as builds are that are not released")
    parser.add_argument("--wall", action="store_true", help="seconds of the clock on the wall")
    parser.add_argument("--starts", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--package", type=Path, help="a .deb of tiny that was built elsewhere")
    arguments = parser.parse_args()
    clock = "perf_counter" if arguments.wall else "process_time"
    with tempfile.TemporaryDirectory(prefix="omnibuild-bench-") as name, HostPool() as pool:
        base = Path(name)
        package = arguments.package or build(base, arguments.store, arguments.quick)
        shutil.copytree(package_directory("pyperformance") / "data-files/benchmarks", base / "b")
        shutil.copytree(package_directory("pyperf"), base / "b/pyperf")
        (base / "b/driver.py").write_text(DRIVER)
        (base / "b/starter.py").write_text(STARTER)
        shutil.copy(package, base / "b/tiny.deb")
        host = pool.debian("trixie", packages=("python3",), binds={base / "b": "/bench"})
        host.run("dpkg", "--install", "/bench/tiny.deb")
        sizes(host, package)
        starts(host, clock, arguments.starts)
        programs(host, clock, arguments.rounds)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    return 0


def build(base: Path, store: Path, quick: bool) -> Path:
    """Build the app; return its .deb."""
    project = base / "tiny"
    project.mkdir()
    (project / "omnibuild.toml").write_text(RECIPE)
    (project / "tiny.py").write_text(MODULE)
    (project / "requirements.txt").write_text("")
    command = [sys.executable, "-m", "omnibuild"]
    place = ["-C", str(project), "--cache-dir", str(store)]
    subprocess.run([*command, "lock", *place], check=True)
    release = [] if quick else ["--release"]
    words = ["build", *place, "--platform", "debian-13", "--output", str(base / "dist"), *release]
    subprocess.run([*command, *words], stdout=subprocess.DEVNULL, check=True)
    (package,) = (base / "dist").glob("*.deb")
    return package


def package_directory(name: str) -> Path:
    """Return where a package of this Python is."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise SystemExit(f"{name} is missing: pip install pyperformance pyperf")
    return Path(found.origin).parent


def sizes(host: Host, package: Path) -> None:
    """Print what the package takes, packed and installed."""
    installed = sum(map(int, host.run("du", "-sb", "/opt/tiny").stdout.split()[:1]))
    print("| CLI app | MB |\n|---|---|")
    print(f"| .deb | {package.stat().st_size / 1e6:.1f} |")
    print(f"| installed | {installed / 1e6:.1f} |\n", flush=True)


def starts(host: Host, clock: str, runs: int) -> None:
    """Print how long starting takes, in turns."""
    print("| | own, ms | Debian's, ms | own / Debian's |\n|---|---|---|---|")
    for name, words in STARTS.items():
        told = json.dumps([clock, runs, [OWN, DEBIAN], words])
        found = json.loads(host.run(DEBIAN, "-I", "/bench/starter.py", told, timeout=1800).stdout)
        own, debian = (statistics.median(found[python]) * 1000 for python in (OWN, DEBIAN))
        print(f"| {name} | {own:.2f} | {debian:.2f} | {own / debian:.2f} |", flush=True)
    print()


def programs(host: Host, clock: str, rounds: int) -> None:
    """Print how much faster programs are than with Debian's, in turns."""
    print("| program | own, ms | Debian's, ms | times as fast |\n|---|---|---|---|")
    ratios = []
    for name, loops in PROGRAMS.items():
        taken: dict[str, list[float]] = {OWN: [], DEBIAN: []}
        for _ in range(rounds):
            for python, seconds in taken.items():
                seconds += once(host, python, clock, name, loops)
        own, debian = (statistics.median(taken[python]) * 1000 for python in (OWN, DEBIAN))
        ratios.append(debian / own)
        print(f"| {name} | {own:.3g} | {debian:.3g} | {debian / own:.2f} |", flush=True)
    mean = math.exp(statistics.fmean(map(math.log, ratios)))
    print(f"\ngeometric mean of {len(ratios)}: {mean:.3f} times as fast (goal: 1.0)\n")


def once(host: Host, python: str, clock: str, program: str, loops: int) -> list[float]:
    """Run a program of pyperformance in one process; return its seconds for a loop."""
    name, *words = program.split()
    script = f"/bench/bm_{name}/run_benchmark.py"
    measure = ("--worker", f"--loops={loops}", "--warmups=1", "--values=3", "--output=/tmp/out")
    host.run("rm", "-f", "/tmp/out")  # noqa: S108 - the host's own
    host.run(
        *(python, "/bench/driver.py", clock, script, *measure, *words),
        environment={"PYTHONPATH": "/bench", "PYTHONHASHSEED": "0"},
        timeout=1800,
    )
    told = json.loads(host.run("cat", "/tmp/out").stdout)  # noqa: S108
    return [value for part in told["benchmarks"] for run in part["runs"] for value in run["values"]]


if __name__ == "__main__":
    raise SystemExit(main())
