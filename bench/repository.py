"""Measure publishing beside other programs, in turns: each has a repository of its own.

`add`: one small package more in repositories of many sizes. `batch`: many small packages into an
empty one. `fat`: one package of many files, as a .deb and as an .rpm, beside others of its kind.

Each is whole processes, and what they sign is signed. Printed are medians of CPU seconds, with
those of gpg and its agent, wall seconds, bytes written and the largest process's memory, and the
ratio of omnibuild's CPU seconds to theirs. What omnibuild waits for readers is in its wall seconds,
and takes no CPU. Programs that are not installed are left out.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from bench.publishers import OWN, Aptly, Bench, Createrepo, Publisher, publishers  # noqa: E402
from bench.samples import Sample, samples  # noqa: E402 - they are beside this

FORMS = ("deb", "rpm")
# More names of files are too long for one command.
BATCH = 10_000
FAT = [[50, 1572], [200, 16_000]]
# As many signatures as packages have in a batch, by a process of their own, of so many bytes.
SIGNATURES = """
import sys
from pathlib import Path
from omnibuild.signing.signer import load_signer
signer = load_signer(Path(sys.argv[1]))
for _ in range(int(sys.argv[2])):
    signer.sign_detached(bytes(4096))
"""


@dataclass(frozen=True)
class Cost:
    """What a change took: seconds and bytes."""

    cpu: float
    wall: float
    written: float
    peak: float

    def __str__(self) -> str:
        sizes = f"{self.written / 1024:,.0f} | {self.peak / 2**20:.0f}"
        return f"{self.cpu:.3f} | {self.wall:.2f} | {sizes}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", default=["add"], metavar="add|batch|fat")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 50_000])
    parser.add_argument("--formats", nargs="+", choices=FORMS, default=FORMS)
    parser.add_argument("--packages", type=int, default=BATCH, help="those of a batch")
    sizes = ("PACKAGES", "FILES")
    parser.add_argument("--fat", type=int, nargs=2, action="append", metavar=sizes)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--scratch", type=Path, help="where it works (default: $TMPDIR)")
    arguments = parser.parse_args()
    for scenario in arguments.scenarios:
        print("\n| packages | program | CPU s | wall s | KiB written | peak MiB | omnibuild / it |")
        print("|---|---|---|---|---|---|---|", flush=True)
        for work in SCENARIOS[scenario](arguments):
            with tempfile.TemporaryDirectory(prefix="ob-", dir=arguments.scratch) as name:
                bench = Bench.of(Path(name))
                for line in work(bench):
                    print(line, flush=True)
                bench.end()
    return 0


def additions(form: str, size: int, runs: int, bench: Bench) -> Iterator[str]:
    """One small package more."""
    packages = samples(Sample(bench.directory, form), size + runs)
    programs = publishers(form)
    for program in programs:
        fill(bench, program, packages[:size])
    found: dict[str, list[Cost]] = {each.name: [] for each in programs}
    for package in packages[size:]:
        for program in programs:
            found[program.name].append(measured(bench, program, package))
    yield from table(f"{size:,} {form}", found)


def batches(form: str, count: int, bench: Bench) -> Iterator[str]:
    """Many small packages at once; what signatures take that others do not make, apart."""
    packages = samples(Sample(bench.directory, form), count)
    found: dict[str, list[Cost]] = {}
    for program in publishers(form):
        program.begin(bench, bench.directory / program.name)
        found[program.name] = [measured(bench, program, *packages)]
    yield from table(f"0 + {count:,} {form}", found)
    if form == "rpm":
        used = bench.spent()
        bench.run(sys.executable, "-c", SIGNATURES, bench.key, str(count), cwd=CHECKOUT)
        yield f"| {count:,} signatures | alone | {bench.spent() - used:.3f} | | | | |"


def fat_packages(count: int, files: int, runs: int, bench: Bench) -> Iterator[str]:
    """One package of many files as a .deb and as an .rpm: at once, and by two programs."""
    others = {"deb": Aptly(), "rpm": Createrepo()}
    made = {form: samples(Sample(bench.directory, form, files), count + runs) for form in others}
    fill(bench, OWN, [path for paths in made.values() for path in paths[:count]])
    for form, other in others.items():
        fill(bench, other, made[form][:count])
    found: dict[str, list[Cost]] = {each.name: [] for each in (OWN, *others.values())}
    for deb, rpm in zip(*(paths[count:] for paths in made.values()), strict=True):
        found[OWN.name].append(measured(bench, OWN, deb, rpm))
        for package, other in zip((deb, rpm), others.values(), strict=True):
            found[other.name].append(measured(bench, other, package))
    yield from table(f"{count:,} of {files:,} files", found)


Work = Callable[[Bench], Iterator[str]]
SCENARIOS: dict[str, Callable[[argparse.Namespace], Iterable[Work]]] = {
    "add": lambda asked: (
        partial(additions, form, size, asked.runs) for form in asked.formats for size in asked.sizes
    ),
    "batch": lambda asked: (partial(batches, form, asked.packages) for form in asked.formats),
    "fat": lambda asked: (partial(fat_packages, *each, asked.runs) for each in asked.fat or FAT),
}


def fill(bench: Bench, program: Publisher, packages: Sequence[Path]) -> None:
    program.begin(bench, bench.directory / program.name)
    for start in range(0, len(packages), BATCH):
        program.add(bench, bench.directory / program.name, *packages[start : start + BATCH])


def table(what: str, found: dict[str, list[Cost]]) -> Iterator[str]:
    medians = {
        name: Cost(
            *(
                statistics.median(getattr(each, column) for each in costs)
                for column in ("cpu", "wall", "written", "peak")
            )
        )
        for name, costs in found.items()
    }
    own = medians["omnibuild"].cpu
    for name, cost in medians.items():
        ratio = f"{own / cost.cpu:.2f}" if name != "omnibuild" else ""
        yield f"| {what} | {name} | {cost} | {ratio} |"


def measured(bench: Bench, program: Publisher, *packages: Path) -> Cost:
    """Add packages; written are files that are new or were replaced."""
    root = bench.directory / program.name
    bench.peak = 0
    before, start, used = state(root), time.monotonic(), bench.spent()
    program.add(bench, root, *packages)
    used, wall = bench.spent() - used, time.monotonic() - start
    after = state(root)
    written = sum(item[2] for path, item in after.items() if before.get(path) != item)
    return Cost(used, wall, written, bench.peak)


def state(root: Path) -> dict[str, tuple[int, int, int]]:
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            status = os.lstat(os.path.join(directory, name))
            about = (status.st_ino, status.st_mtime_ns, status.st_size)
            found[os.path.join(directory, name)] = about
    return found


if __name__ == "__main__":
    sys.exit(main())
