"""Kills, races, full and failing disks, flipped bits: the next build is as if nothing had been."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omnibuild.store.collect import Limits, collect
from omnibuild.store.inventory import Held, last_used, take_inventory
from omnibuild.store.store import LIST_FILE, Store
from tests.acceptance.crash import ARTIFACT, Bench, kill_often, linked_store
from tests.acceptance.workspaces import Workspace
from tests.integration.store.failing_disk import failing_disk

HOUR = 3600 * 10**9

# `make certify-crash` kills more often, and has more disks.
KILLS, FULL, FAILING = 4, (1.5, 8), (45, 105)

# Trees that must have been collected under the builders, and how often each builds for that.
ENOUGH, MOST_TURNS = 5, 60


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    bench = Bench(tmp_path_factory.mktemp("crash"))
    assert bench.clean
    return bench


@pytest.fixture(autouse=True)
def fresh(bench: Bench) -> Iterator[None]:
    bench.reset()
    yield
    bench.reset()


def test_a_killed_build_spoils_nothing(bench: Bench) -> None:
    phases = kill_often(bench, KILLS, seed=int(time.time()))
    assert sum(phases.values()) == KILLS


def test_ten_builds_at_once_do_everything_once(bench: Bench, tmp_path: Path) -> None:
    places = [tmp_path / str(number) for number in range(10)]
    commands = [bench.command("-j", "1", "--json", output=place) for place in places]
    running = [subprocess.Popen(c, stdout=subprocess.PIPE, text=True) for c in commands]
    said = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * 10, said
    told = [json.loads(line) for text in said for line in text.splitlines()]
    started = Counter(each["action"] for each in told if each["event"] == "ActionStarted")
    assert set(started.values()) == {1}
    assert len(started) > 10
    artifacts = {(tmp_path / str(n) / ARTIFACT).read_bytes() for n in range(10)}
    assert artifacts == {bench.clean}


def test_flipped_bits_are_found_and_healed(bench: Bench) -> None:
    dice = random.Random(time.time())  # noqa: S311 - no secret
    for _ in range(3):
        assert bench.build().returncode == 0
        items = [i for i in take_inventory(bench.store).items if i.path not in bench.given]
        objects = [i for i in items if i.held in (Held.BLOB, Held.TREE)]
        item = dice.choice(objects)
        flipped = item.path
        if item.held is Held.TREE:
            files = [p for p in item.path.rglob("*") if p.is_file() and not p.is_symlink()]
            flipped = dice.choice([p for p in files if p.stat().st_size])
        bit = flip(flipped, dice)
        found = bench.verify()
        assert found.returncode == 1, f"{flipped}: {bit}"
        damaged = json.loads(found.stdout.splitlines()[-1])["damaged"]
        assert str(item.path) in {damage["path"] for damage in damaged}
        bench.artifact.unlink()
        bench.check_healed()
        assert bench.verify().returncode == 0


def test_a_damaged_artifact_is_not_delivered(bench: Bench) -> None:
    assert bench.build().returncode == 0
    whole = bench.artifact.read_bytes()
    bench.artifact.unlink()
    (stored,) = bench.store.root.glob(f"trees/*/*/files/{bench.artifact.name}")
    flip(stored, random.Random(1))  # noqa: S311 - no secret
    assert bench.build().returncode == 0
    assert bench.artifact.read_bytes() == whole
    assert bench.verify().returncode == 0
    bench.check_healed()


def flip(path: Path, dice: random.Random) -> int:
    bit = dice.randrange(8 * path.stat().st_size)
    with path.open("r+b") as stream:
        stream.seek(bit // 8)
        (byte,) = stream.read(1)
        stream.seek(bit // 8)
        stream.write(bytes([byte ^ 1 << bit % 8]))
    return bit


def test_collecting_everything_beside_builds_breaks_none(bench: Bench, tmp_path: Path) -> None:
    """Two builders go on while everything that they do not use is collected all the time."""
    over = threading.Event()
    collected: Counter[Held] = Counter()

    def build_again(number: int) -> None:
        turn = 0
        # Builders that wait for a busy machine leave nothing unused: then some more turns.
        while turn < 3 or (collected[Held.TREE] <= ENOUGH and turn < MOST_TURNS):
            turn += 1
            output = tmp_path / f"{number}-{turn}"
            done = subprocess.run(
                bench.command(output=output), capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr
            assert (output / ARTIFACT).read_bytes() == bench.clean

    def collect_again() -> None:
        while not over.is_set():
            keep_given(bench)
            collected.update(collect(Store(bench.store.root), Limits(size=0)).removed)
            time.sleep(0.1)

    with ThreadPoolExecutor(3) as pool:
        collector = pool.submit(collect_again)
        try:
            for builder in [pool.submit(build_again, number) for number in range(2)]:
                builder.result()
        finally:
            over.set()
        collector.result()
    assert collected[Held.TREE] > ENOUGH
    bench.check_healed()


def keep_given(bench: Bench) -> None:
    """Let what the store was given look used: making the build root again takes long."""
    future = time.time_ns() + HOUR
    with bench.store.leases.marking():
        for path in bench.given:
            held = Held.TREE if (path / LIST_FILE).exists() else Held.BLOB
            if path.exists() and last_used(path, held) < future - HOUR // 2:
                marked = path / LIST_FILE if held is Held.TREE else path
                os.utime(marked, ns=(future, future))


def full_disk(bench: Bench, kilobytes: int) -> str:
    """Build on a disk of that size, then make it bigger and build again; return what was said."""
    small, skeleton = bench.base / "small", bench.base / "skeleton"
    small.mkdir(exist_ok=True)
    if not skeleton.exists():
        linked_store(bench.store, skeleton)
    command = [str(small / "cache") if w == str(bench.store.root) else w for w in bench.command()]
    script = f"""\
        small=$1 skeleton=$2 size=$3; shift 3
        mount -t tmpfs -o "size=${{size}}k" none "$small" || exit 99
        cp -a "$skeleton" "$small/cache" || exit 99
        "$@" >&2; first=$?
        mount -o remount,size=1g "$small" && "$@" || exit 98
        {sys.executable} -m omnibuild cache verify --cache-dir "$small/cache" || exit 97
        test -z "$(ls -A "$small/cache/scratch")" || exit 96
        exit $first
    """
    words = ["unshare", "--mount", "--map-root-user", "sh", "-c", script, "sh"]
    done = subprocess.run(
        [*words, str(small), str(skeleton), str(kilobytes), *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 5, 7, 9), done.stdout + done.stderr
    assert bench.artifact.read_bytes() == bench.clean
    return done.stderr.splitlines()[0] if done.returncode == 0 else done.stderr


@pytest.mark.parametrize("megabytes", FULL)
def test_a_disk_that_is_full_at_some_point(bench: Bench, megabytes: float) -> None:
    said = full_disk(bench, int(megabytes * 1000))
    assert "Traceback" not in said
    assert "error[" in said


@pytest.mark.parametrize("at", FAILING)
def test_a_disk_that_fails_once(bench: Bench, tmp_path: Path, at: int) -> None:
    fail_once(bench, tmp_path, at)


def fail_once(bench: Bench, tmp_path: Path, at: int) -> None:
    """A whole build on a disk of which one change fails; its steps write there, too."""
    directory = Workspace(tmp_path / "workspace").write()
    words = [sys.executable, "-m", "omnibuild", "build", "tiny", "-C", str(directory)]
    words += ["-p", "debian-12", "-o", str(tmp_path / "dist"), "--cache-dir"]
    clean = subprocess.run([*words, str(bench.store.root)], capture_output=True, check=False)
    assert clean.returncode == 0, clean.stderr
    artifact = tmp_path / "dist" / ARTIFACT
    wanted = artifact.read_bytes()
    bench.reset()
    with failing_disk(tmp_path / "fuse") as disk:
        linked_store(bench.store, disk.mount / "cache")
        disk.fail(at)
        first = subprocess.run(
            [*words, str(disk.mount / "cache")], capture_output=True, text=True, check=False
        )
        assert disk.changes >= at
        assert first.returncode in (0, 4, 5, 7, 9), first.stderr
        assert "Traceback" not in first.stderr
        disk.fail(0)
        artifact.unlink(missing_ok=True)
        second = subprocess.run(
            [*words, str(disk.mount / "cache")], capture_output=True, text=True, check=False
        )
        assert second.returncode == 0, second.stderr
        assert artifact.read_bytes() == wanted
