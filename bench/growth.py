"""Measure how planning grows: synthetic graphs of 10, 100 and 1,000 components.

Prints one table of medians: milliseconds of CPU for each component, from reading definitions to a
plan, and from the plan to a decision about every action when the store has all results. Shapes:
groups of ten, of which each component needs the two before it; and one chain, where a component's
layers, so its key, grow with its depth. The root lock and platforms, which every plan reads, are
measured by a plan of one component and subtracted.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from omnibuild import events, pipeline
from omnibuild.kinds import serials
from omnibuild.plan.keys import key, key_document
from omnibuild.settings import Settings
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store

SIZES = (10, 100, 1000)
SHAPES = {"groups of ten": 10, "one chain": 10**9}

RECIPE = """\
[app]
name = "grown"
version = "1.0"
summary = "A synthetic app"
license = "MIT"
maintainer = "Bench <bench@example.com>"

[software]
"""

SOFTWARE = """\
name = "{name}"
version = "1.0"
license = "MIT"
license-files = ["LICENSE"]
needs = [{needs}]
steps = ["./configure --prefix=$PREFIX", "make", "make install"]
test = "true"

[source]
sha256 = "{number:064x}"
places = ["https://example.com/{name}-1.0.tar.gz"]
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    print("| shape | components | plan, ms each | decide, ms each |")
    print("|---|---|---|---|")
    for shape, group in SHAPES.items():
        base = measure(1, group, arguments.runs)
        for size in SIZES:
            found = measure(size, group, arguments.runs)
            each = [1000 * (mine - fixed) / size for mine, fixed in zip(found, base, strict=True)]
            print(f"| {shape} | {size} | {each[0]:.2f} | {each[1]:.2f} |", flush=True)
    return 0


def measure(size: int, group: int, runs: int) -> tuple[float, float]:
    """Return the median CPU seconds of planning and of deciding."""
    with tempfile.TemporaryDirectory(prefix="omnibuild-bench-") as name:
        workspace = Path(name)
        write(workspace, size, group)
        settings = Settings(workspace, workspace / "cache", 2)
        fill(settings)
        planning, deciding = [], []
        for _ in range(runs):
            start = time.process_time()
            planned = pipeline.plan(settings, "grown", ["linux"])
            middle = time.process_time()
            decisions = pipeline.decisions(settings, planned, events.silent)
            deciding.append(time.process_time() - middle)
            planning.append(middle - start)
        assert len(decisions) == len(planned.plan) > 2 * size
    return statistics.median(planning), statistics.median(deciding)


def write(workspace: Path, size: int, group: int) -> None:
    for part in ("recipes", "software"):
        (workspace / part).mkdir()
    names = [f"part{number:04}" for number in range(size)]
    for number, name in enumerate(names):
        first = max(number - number % group, number - 2)
        needs = ", ".join(f'"{need}"' for need in names[first:number])
        text = SOFTWARE.format(name=name, needs=needs, number=number + 1)
        (workspace / f"software/{name}.toml").write_text(text)
    wanted = "".join(f'{name} = "1.0"\n' for name in names)
    (workspace / "recipes/grown.toml").write_text(RECIPE + wanted)


def fill(settings: Settings) -> None:
    """Record a result for every action, so that each key is made and looked up."""
    store = Store(settings.cache)
    outputs: dict[str, Output] = {}
    for action in pipeline.plan(settings, "grown", ["linux"]).plan:
        outputs[action.name] = action.output or store.add_blob(action.name.encode())
        if action.output is None:
            document = key_document(action, serials()[action.kind], outputs)
            store.record(key(document), Result(outputs[action.name]))


if __name__ == "__main__":
    raise SystemExit(main())
