"""Measure a build after a change of the app alone, with a payload of 150 MB in 7,700 files.

The app is hello with a component of generated, partly compressible files. Prints medians: of the
whole build of one .deb, wall and CPU seconds with the tools it waits for (what runs inside
sandboxes is reaped there and not counted) and the wall seconds of each action that ran; then of
writing the same files as a .deb, beside dpkg-deb and tar with zstd at the same levels. The store in
which hello is built already (`--store`) is used as a hard-linked copy; an empty one is filled by
compiling everything.
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
from dataclasses import replace
from functools import partial
from pathlib import Path

from omnibuild.package.compression import LEVELS, Effort
from omnibuild.package.deb.writer import write_deb
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.models import Debian
from omnibuild.tree import Tree, scan

CHECKOUT = Path(__file__).resolve().parent.parent
METADATA = Metadata(
    "hello", "1.0", "1", "A page", "", "MIT", "Bench <bench@example.com>", "", "", 1735689600
)

# Words for two thirds, noise for the rest; sizes spread as those of real files do.
GENERATE = r"""
srand(1);
my @words = map { join "", map { chr(97 + int rand 26) } 1 .. 2 + int rand 9 } 1 .. 3000;
my $text = join " ", map { $words[int rand @words] } 1 .. 400000;
for my $file (1 .. FILES) {
    my $size = int(MEAN / 3 * exp(1.5 * (rand() + rand() + rand() - 1.5)) * 2);
    my $directory = sprintf "%s/share/bulk/%02d/%d", $ENV{PREFIX}, $file % 97, $file % 11;
    system("mkdir", "-p", $directory) unless -d $directory;
    open my $out, ">", "$directory/file$file" or die;
    binmode $out;
    print $out substr($text, int rand(length($text) / 2), int($size * 2 / 3));
    print $out pack("C*", map { int rand 256 } 1 .. $size / 3);
    close $out;
}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--store", type=Path, default=Path.home() / ".cache/omnibuild")
    parser.add_argument("--megabytes", type=int, default=105, help="of generated files")
    parser.add_argument("--files", type=int, default=4700, help="generated")
    arguments = parser.parse_args()
    # Beside the store, so that the copy can share its bytes.
    with tempfile.TemporaryDirectory(prefix="bench-", dir=arguments.store.parent) as name:
        base = Path(name)
        workspace = base / "workspace"
        prepare(workspace, arguments.megabytes, arguments.files)
        copy_store(arguments.store, base / "cache")
        build(base, workspace)
        report([changed(base, workspace, n) for n in range(arguments.runs)])
        writers(base, arguments.runs)
    return 0


def prepare(workspace: Path, megabytes: int, count: int) -> None:
    for part in ("recipes", "examples", "package-scripts"):
        shutil.copytree(CHECKOUT / part, workspace / part)
    with (workspace / "recipes/hello.toml").open("a") as recipe:
        recipe.write('\n[software]\nbulk = "1.0"\n')
    (workspace / "software").mkdir()
    # Any pinned source does: nothing of it is used.
    zlib = tomllib.loads((CHECKOUT / "software/zlib.toml").read_text())
    script = GENERATE.replace("FILES", str(count)).replace("MEAN", str(megabytes * 10**6 // count))
    (workspace / "software/bulk.toml").write_text(f"""\
name = "bulk"
version = "1.0"
license = "Zlib"
license-files = {json.dumps(zlib["license-files"])}
steps = ['''cat > generate.pl <<'END'
{script}
END
perl generate.pl''']
test = "true"

[source]
sha256 = "{zlib["source"]["sha256"]}"
places = {json.dumps(zlib["source"]["places"])}
""")


def copy_store(store: Path, copy: Path) -> None:
    if store.exists():
        subprocess.run(["cp", "-al", str(store), str(copy)], check=True)
        for part in ("leases", "locks", "scratch"):
            shutil.rmtree(copy / part, ignore_errors=True)


def changed(base: Path, workspace: Path, number: int) -> dict[str, float]:
    page = workspace / "examples/hello/src/hello/__init__.py"
    page.write_text(page.read_text() + f"# change {number} {time.time()}\n")
    return build(base, workspace)


def build(base: Path, workspace: Path) -> dict[str, float]:
    """Return the seconds of the build and of each action that ran, by name."""
    before, started = os.times(), time.monotonic()
    words = ["-C", workspace, "--cache-dir", base / "cache", "-o", base / "dist", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "omnibuild", "build", "hello", "-p", "debian-12", *map(str, words)],
        stdout=subprocess.PIPE,
        check=True,
    )
    wall, after = time.monotonic() - started, os.times()
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    found = {"wall": wall, "cpu": cpu}
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "ActionFinished" and not event["cached"]:
            found[event["action"]] = event["seconds"]
    return found


def report(samples: list[dict[str, float]]) -> None:
    medians = {key: statistics.median(s[key] for s in samples) for key in samples[0]}
    wall, cpu = medians.pop("wall"), medians.pop("cpu")
    shown = ", ".join(f"{action} {seconds:.2f}" for action, seconds in medians.items())
    print("| only the app changed | wall s | own CPU s | actions |\n|---|---|---|---|")
    print(f"| new .deb | {wall:.2f} | {cpu:.2f} | {shown} |\n", flush=True)


def writers(base: Path, runs: int) -> None:
    """Write one payload by all writers, turn by turn, so that the machine is the same for all."""
    (package,) = (base / "dist").glob("*.deb")
    root = base / "root"
    subprocess.run(["dpkg-deb", "-R", str(package), str(root)], check=True)
    payload = Payload(METADATA, root, scan(root), "/opt/hello")
    files = tuple(e for e in payload.tree.entries if not f"{e.path}/".startswith("DEBIAN/"))
    payload = replace(payload, tree=Tree(files))
    (base / "out").mkdir()
    size = payload.tree.size / 1e6
    print(f"| {size:.0f} MB, {len(files)} entries | wall s | CPU s | MB |\n|---|---|---|---|")
    for effort, levels in LEVELS.items():
        level = levels["zstd"]
        target = base / "out" / f"peer-{effort}"
        tar = ["tar", "-C", str(root), "-I", f"zstd -{level} -T0", "-cf", str(target), "."]
        deb = ["dpkg-deb", "-Zzstd", f"-z{level}", "-b", str(root), str(target)]
        rows = {
            f"omnibuild {effort}": partial(write, payload, base / "out", effort),
            f"dpkg-deb, zstd {level}": partial(run, deb, target),
            f"tar, zstd {level}, no digests": partial(run, tar, target),
        }
        samples: dict[str, list[tuple[float, float, int]]] = {name: [] for name in rows}
        for _ in range(runs):
            for name, row in rows.items():
                samples[name].append(timed(row))
        for name, found in samples.items():
            wall, cpu, bytes_ = (statistics.median(column) for column in zip(*found, strict=True))
            print(f"| {name} | {wall:.2f} | {cpu:.2f} | {bytes_ / 1e6:.1f} |", flush=True)


def write(payload: Payload, directory: Path, effort: Effort) -> int:
    form = Debian(architecture="amd64", compression="zstd")
    return write_deb(payload, form, directory, effort).size


def run(command: list[str], target: Path) -> int:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target.stat().st_size


def timed(work: Callable[[], int]) -> tuple[float, float, int]:
    before, started = os.times(), time.monotonic()
    size = work()
    wall, after = time.monotonic() - started, os.times()
    return wall, sum(after[:4]) - sum(before[:4]), size


if __name__ == "__main__":
    raise SystemExit(main())
