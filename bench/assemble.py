"""Measure what is done with the files of a payload: 150 MB of generated ones in 7,700 files.

Prints one table of medians, wall and CPU seconds, beside the floor that other programs set on the
same files: looking at what a step wrote, storing it (hash, search for the prefix, commit to disk),
placing, and assembling by hard links.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from omnibuild.payload.assembly import Part, assemble
from omnibuild.payload.placing import check_capture, place_tree
from omnibuild.store.store import Store
from omnibuild.tree import Tree, scan

T = TypeVar("T")
Samples = dict[str, list[tuple[float, float]]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=150)
    parser.add_argument("--files", type=int, default=7700)
    arguments = parser.parse_args()
    samples: Samples = {}
    with tempfile.TemporaryDirectory(prefix="omnibuild-bench-") as name:
        base = Path(name)
        generate(base / "files", arguments.megabytes * 10**6, arguments.files)
        tar = ["tar", "-C", str(base / "files"), "-cf", str(base / "files.tar"), "."]
        subprocess.run(tar, check=True)
        for number in range(arguments.runs):
            once(base, base / str(number), samples)
    print(f"| {arguments.megabytes} MB, {arguments.files} files | wall s | CPU s |\n|---|---|---|")
    for name, found in samples.items():
        wall, cpu = (statistics.median(column) for column in zip(*found, strict=True))
        print(f"| {name} | {wall:.3f} | {cpu:.3f} |")
    return 0


def once(base: Path, directory: Path, samples: Samples) -> None:
    directory.mkdir()
    store = Store(directory / "store")
    scratch = directory / "scratch"
    scratch.mkdir()
    command(samples, "cp -a", ["cp", "-a", str(base / "files"), str(scratch / "files")])
    os.sync()
    files = scratch / "files"
    timed(samples, "look at what was written", lambda: look(str(files)))
    tree = timed(samples, "store: scan and hash", lambda: scan(files))
    timed(samples, "store: search for the prefix", lambda: check_capture(files, tree))
    output = timed(samples, "store: commit", lambda: store.add_scanned_tree(scratch, tree))
    stored = store.tree_directory(output.digest)
    placed = directory / "placed"
    moved = timed(samples, "place", lambda: place_tree(tree, stored, placed, "/opt/app"))
    timed(samples, "assemble", lambda: payload(moved, placed, directory / "payload"))
    command(samples, "cp -al", ["cp", "-al", str(stored), str(directory / "linked")])
    untarred = directory / "untarred"
    untarred.mkdir()
    command(samples, "untar", ["tar", "-C", str(untarred), "-xf", str(base / "files.tar")])
    shutil.rmtree(directory)


def look(directory: str) -> int:
    """Read every entry's status, as capturing does before it hashes."""
    count = 0
    with os.scandir(directory) as items:
        for item in items:
            item.stat(follow_symlinks=False)
            count += 1 + (look(item.path) if item.is_dir(follow_symlinks=False) else 0)
    return count


def payload(tree: Tree, placed: Path, target: Path) -> str:
    """Unite the tree and make the digest that the store wants."""
    return assemble([Part("app", tree, placed)], "/opt/app", {}, {}, target).digest


def generate(root: Path, size: int, count: int) -> None:
    """Write files of two thirds words and one third noise, of sizes spread as real ones are."""
    dice = random.Random(1)  # noqa: S311 - the same files every time
    words = [bytes(dice.choices(range(97, 123), k=dice.randint(2, 10))) for _ in range(3000)]
    text = b" ".join(dice.choices(words, k=400_000))
    weights = [dice.lognormvariate(0, 1.6) for _ in range(count)]
    total = sum(weights)
    for number, weight in enumerate(weights):
        length = int(weight / total * size)
        start = dice.randrange(len(text) // 2)
        plain = text[start : start + length * 2 // 3]
        path = root / f"{number % 97:02}" / f"{number % 11}" / f"file{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(plain + dice.randbytes(length - len(plain)))


def command(samples: Samples, name: str, words: list[str]) -> None:
    timed(samples, name, lambda: subprocess.run(words, check=True))


def timed(samples: Samples, name: str, work: Callable[[], T]) -> T:
    before, started = os.times(), time.monotonic()
    result = work()
    wall, after = time.monotonic() - started, os.times()
    samples.setdefault(name, []).append((wall, sum(after[:4]) - sum(before[:4])))
    return result


if __name__ == "__main__":
    raise SystemExit(main())
