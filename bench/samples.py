"""Packages for repositories to be measured with: many small ones, or some of many files."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.payload.model import Metadata, Payload
from omnibuild.tree import scan
from tests.unit.repository.samples import DEBIAN_12, EL9

PLATFORMS = {"deb": DEBIAN_12, "rpm": EL9}
METADATA = Metadata(
    name="shop",
    version="1.0",
    revision="1",
    summary="",
    description="",
    license="MIT",
    maintainer="Bench <bench@example.com>",
    homepage="https://shop.example",
    vendor="",
    date=1_700_000_000,
    epoch=0,
)
WORDS = (
    "the",
    "quick",
    "brown",
    "fox",
    "jumps",
    "over",
    "a",
    "lazy",
    "dog",
    "while",
    "nobody",
    "looks",
)
# An rpm is in the yum tree that its release ends with.
REVISIONS = {"deb": "1", "rpm": "1.el9"}
PREFIX = "/opt/shop"
# Packages that a process makes at a time.
TOGETHER = 500


@dataclass(frozen=True)
class Sample:
    """What each of some packages is like.

    Args:
        form: deb or rpm.
        files: how many are in it, besides a program.
    """

    directory: Path
    form: str
    files: int = 0


def samples(sample: Sample, count: int) -> list[Path]:
    """Write packages, on all cores; nothing but the paths stays in memory."""
    root = sample.directory / "root"
    if not root.exists():
        _fill(root, sample.files)
    (sample.directory / sample.form).mkdir()
    most = 1 if sample.files else TOGETHER
    parts = [range(start, min(count, start + most)) for start in range(0, count, most)]
    with ProcessPoolExecutor() as pool:
        return [path for paths in pool.map(partial(_made, sample), parts) for path in paths]


def _fill(root: Path, files: int) -> None:
    program = root / f".{PREFIX}/bin/shop"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    for number in range(files):
        path = program.parent.parent / f"lib/python3.13/site-packages/{_name(number // 40)}"
        path.mkdir(parents=True, exist_ok=True)
        (path / f"module_{number}.py").write_text(f"number = {number}\n")
    for directory, _, _ in os.walk(root):
        Path(directory).chmod(0o755)


def _made(sample: Sample, numbers: range) -> list[Path]:
    found = []
    root = sample.directory / "root"
    payload = Payload(metadata=METADATA, root=root, tree=scan(root), prefix=PREFIX)
    making = Making(sample.directory / sample.form, effort="quick")
    for number in numbers:
        words = " ".join(WORDS[number * step % len(WORDS)] for step in (1, 3, 5, 7, 11))
        summary = f"Tool {number}: {words}"
        revision = REVISIONS[sample.form]
        about = replace(METADATA, name=_name(number), summary=summary, revision=revision)
        settings = PLATFORMS[sample.form].settings
        made = write_package(replace(payload, metadata=about), settings, making)
        # What is beside it is for other programs to stumble over.
        made.path.with_name(f"{made.path.name}.sha256").unlink()
        found.append(made.path)
    return found


def _name(number: int) -> str:
    """Return a name; the last ones belong anywhere among the others."""
    return f"{'abcdefghijklmnopqrst'[number * 7 % 20]}{number * 7919 % 100_003:06}-tool"
