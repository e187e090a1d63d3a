"""Measure writing packages beside dpkg-deb, nfpm and rpmbuild, in turns, of the same files.

The payload is like that of a large app: FILES files of MEGABYTES, partly compressible, below
`--scratch` (in memory, by default). Each writer is a process of its own; printed are medians of
wall and CPU seconds and of the peak of memory, and ratios. What peers do not do is not asked of
them: none proves the digest of each file. nfpm is taken from PATH, or from `--nfpm`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.models import Debian, Rpm, Tar
from omnibuild.tree import scan

METADATA = Metadata(
    "bulk", "1.0", "1", "A page", "", "MIT", "Bench <bench@example.com>", "", "", 1735689600
)
DEB = Debian(compression="zstd", architecture="amd64")
RPM = Rpm(architecture="x86_64", tree="el9")
TAR = Tar(architecture="x86_64")
CONTROL = """\
Package: bulk
Version: 1.0-1
Architecture: amd64
Maintainer: Bench <bench@example.com>
Description: A page
"""
SPEC = """\
Name: bulk
Version: 1.0
Release: 1
Summary: A page
License: MIT
AutoReqProv: no
%define __os_install_post %{{nil}}
%define debug_package %{{nil}}
%define _build_id_links none
%define _binary_payload w3.zstdio
%define _build_name_fmt %%{{NAME}}.rpm
%description
A page
%install
mkdir -p %{{buildroot}}
cp -al {root}/opt %{{buildroot}}/
%files
/opt/bulk
"""


@dataclass(frozen=True)
class Taken:
    """What one run took: wall and CPU seconds, peak of memory in MB, bytes of the result."""

    wall: float
    cpu: float
    memory: float
    size: int


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--files", type=int, default=16_320)
    parser.add_argument("--megabytes", type=int, default=365)
    parser.add_argument("--scratch", type=Path, default=Path("/dev/shm"))  # noqa: S108 - in memory
    parser.add_argument("--nfpm", default=shutil.which("nfpm") or "")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as name:
        base = Path(name)
        generate(base / "root", arguments.files, arguments.megabytes << 20)
        writers = all_writers(base, arguments.nfpm)
        for writer in writers.values():
            measured(writer, base / "out")
        taken: dict[str, list[Taken]] = {name: [] for name in writers}
        for number in range(arguments.runs):
            # In turns, and each time in another order.
            for writer in random.Random(number).sample([*writers], len(writers)):  # noqa: S311
                taken[writer].append(measured(writers[writer], base / "out"))
    report(taken)
    return 0


def generate(root: Path, files: int, size: int) -> None:
    """Write files of words and of noise; sizes spread as those of real ones do."""
    dice = random.Random(1)  # noqa: S311
    words = [dice.randbytes(dice.randint(2, 9)).hex().encode() for _ in range(3000)]
    text = b" ".join(dice.choice(words) for _ in range(200_000))
    weights = [dice.lognormvariate(0, 1.5) for _ in range(files)]
    each = size / sum(weights)
    for number, weight in enumerate(weights):
        path = root / f"opt/bulk/share/{number % 97:02}/{number % 11}/file{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        length = int(weight * each)
        noise, start = length // 3, dice.randrange(len(text) // 2)
        plain = (text[start:] * (1 + (length - noise) // (len(text) - start)))[: length - noise]
        path.write_bytes(plain + dice.randbytes(noise))


def all_writers(base: Path, nfpm: str) -> Mapping[str, Callable[[Path], None]]:
    """Return what is measured, by its name; each writes into an empty directory."""
    root = base / "root"
    payload = Payload(METADATA, root, scan(root), prefix="/opt/bulk")
    # As builds have them, from when each part was placed.
    sums = {e.digest: _md5((root / e.path).read_bytes()) for e in payload.tree.files()}
    known = replace(payload, md5=sums)

    def ours(*forms: Debian | Rpm | Tar, packed: Payload = known) -> Callable[[Path], None]:
        def write(out: Path) -> None:
            for form in forms:
                write_package(packed, form, Making(out, "quick"))

        return write

    def dpkg_deb(out: Path) -> None:
        _run("dpkg-deb", "--root-owner-group", "-Zzstd", "-z3", "--build", base / "control", out)

    def rpmbuild(out: Path) -> None:
        _run("rpmbuild", "-bb", "--quiet", f"--define=_topdir {out}", base / "bulk.spec")

    def with_nfpm(packager: str) -> Callable[[Path], None]:
        words = ("package", "--packager", packager, "--config", base / "nfpm.yaml", "--target")
        return lambda out: _run(nfpm, *words, out)

    (base / "control/DEBIAN").mkdir(parents=True)
    (base / "control/DEBIAN/control").write_text(CONTROL)
    _run("cp", "-al", root / "opt", base / "control/opt")
    (base / "bulk.spec").write_text(SPEC.format(root=root))
    document = {
        "name": "bulk",
        "arch": "amd64",
        "version": "1.0",
        "maintainer": "Bench <bench@example.com>",
        "description": "A page",
        "disable_globbing": True,
        "contents": [{"src": f"{root}/opt/bulk", "dst": "/opt/bulk", "type": "tree"}],
        "deb": {"compression": "zstd"},
        "rpm": {"compression": "zstd:3"},
    }
    (base / "nfpm.yaml").write_text(json.dumps(document))
    found = {
        "deb": ours(DEB),
        "deb, no MD5 known": ours(DEB, packed=payload),
        "deb of dpkg-deb": dpkg_deb,
        "rpm": ours(RPM),
        "rpm of rpmbuild": rpmbuild,
        "tar": ours(TAR),
        "deb, rpm and tar": ours(DEB, RPM, TAR),
    }
    if nfpm:
        found |= {"deb of nfpm": with_nfpm("deb"), "rpm of nfpm": with_nfpm("rpm")}
    return found


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def measured(write: Callable[[Path], None], out: Path) -> Taken:
    """Run a writer in a process of its own."""
    out.mkdir()
    began = time.monotonic()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            write(out)
            status = 0
        finally:
            os._exit(status)
    _, status, usage = os.wait4(process, 0)
    wall = time.monotonic() - began
    if status:
        sys.exit(f"a writer failed: {status}")
    size = sum(path.stat().st_size for path in out.rglob("*") if path.suffix in SUFFIXES)
    shutil.rmtree(out)
    return Taken(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, size)


SUFFIXES = (".deb", ".rpm", ".zst")


def report(taken: Mapping[str, list[Taken]]) -> None:
    """Print medians, and ratios to what a peer takes for the same format."""

    def median(name: str, what: str) -> float:
        return statistics.median(getattr(run, what) for run in taken[name])

    print("| | wall s | CPU s | peak MB | MB |\n|---|---|---|---|---|")
    for name in taken:
        wall, cpu, memory = (median(name, what) for what in ("wall", "cpu", "memory"))
        print(
            f"| {name} | {wall:.2f} | {cpu:.2f} | {memory:.0f} | {median(name, 'size') / 1e6:.1f} |"
        )
    print("\n| ratio | wall | CPU |\n|---|---|---|")
    for name in taken:
        form, _, peer = name.partition(" of ")
        if peer:
            ratios = [median(form, what) / median(name, what) for what in ("wall", "cpu")]
            print(f"| {form} to {peer} | {ratios[0]:.2f} | {ratios[1]:.2f} |")
    alone = ("deb", "rpm", "tar")
    together = median("deb, rpm and tar", "cpu") / sum(median(each, "cpu") for each in alone)
    wall = median("deb, rpm and tar", "wall") / max(median(each, "wall") for each in alone)
    print(f"| all three to their sum, to the longest | {wall:.2f} of one | {together:.2f} |")


def _run(*words: str | Path) -> None:
    subprocess.run([str(word) for word in words], check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
