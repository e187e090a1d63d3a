"""A small real build that is killed, raced, starved and damaged, and what must hold after that."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from omnibuild import digests, files
from omnibuild.store.inventory import Held, take_inventory
from omnibuild.store.store import Store
from omnibuild.tree import scan
from tests.acceptance.products import replace
from tests.acceptance.test_engine import COMPONENTS, fresh_store_with_root
from tests.acceptance.workspaces import SOURCE, STEPS, Workspace, archive

# The share of kills after the first action has begun.
MOSTLY = 0.9

# How the longest time before a kill follows the machine: one in ten kills comes too late.
TOO_LATE, IN_TIME = 0.95, 1.005

ARTIFACT = "tiny_1.0-1_amd64.deb"

# Digits that do not compress well: reading, storing, placing and packaging take their time.
BULK = f"{random.Random(7).getrandbits(8_000_000):x}"  # noqa: S311 - any number will do


def write_workspace(directory: Path) -> Path:
    """Write a workspace of four components, each with two files of some megabytes."""
    data = archive({**SOURCE, "tiny-1.0/bulk": BULK})
    for name, needs in COMPONENTS.items():
        program = name.removesuffix("-c")
        steps = (
            STEPS[0],
            f'$CC $CFLAGS tiny.c -o "$PREFIX/bin/{program}" $LDFLAGS',
            f'mkdir -p "$PREFIX/share"; (echo "$PREFIX"; cat bulk) > "$PREFIX/share/{program}"',
        )
        workspace = Workspace(directory, steps=steps, needs=needs, data=data)
        workspace.test = f'"$PREFIX/bin/{program}"'
        workspace.write()
        text = workspace.software(name, (directory / "tiny.tar.gz").as_uri())
        (directory / f"software/{name}.toml").write_text(text)
    replace(directory / "recipes/tiny.toml", 'tiny-c = "1.0"', 'top-c = "1.0"\nright-c = "1.0"')
    return directory


@dataclass
class Bench:
    """A workspace and a store of its own, which shares the build root with the user's.

    Args:
        base: a scratch directory on the user's file system.
    """

    base: Path
    workspace: Path = field(init=False)
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.workspace = write_workspace(self.base / "workspace")
        self.store = Store(fresh_store_with_root(self.base / "cache"))

    @cached_property
    def given(self) -> frozenset[Path]:
        """What is in the store before anything was built."""
        return frozenset(item.path for item in take_inventory(self.store).items)

    @cached_property
    def clean(self) -> bytes:
        """The artifact of an undisturbed build."""
        self.reset()
        done = self.build()
        assert done.returncode == 0, done.stderr
        artifact = self.artifact.read_bytes()
        self.reset()
        return artifact

    @property
    def artifact(self) -> Path:
        return self.base / "dist" / ARTIFACT

    def command(self, *words: str | Path, output: Path | None = None) -> list[str]:
        """Return the command line of a build with further words."""
        omnibuild = (sys.executable, "-m", "omnibuild", "build", "tiny", "-C", self.workspace)
        places = ("--cache-dir", self.store.root, "-o", output or self.base / "dist")
        return [str(word) for word in (*omnibuild, "-p", "debian-12", *places, *words)]

    def build(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False)

    def reset(self) -> None:
        """Bring the store back to what it was before anything was built."""
        for item in take_inventory(self.store).items:
            if item.path not in self.given:
                files.remove_tree(item.path)
        files.remove_tree(self.base / "dist")

    def killed_build(self, seconds: float, *, begun: bool) -> str:
        """Start a build and kill all of it after so long; return what it had got to.

        Args:
            seconds: how long it runs.
            begun: count them from when its first action starts, not from its own start.
        """
        process = subprocess.Popen(
            self.command(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with process:
            assert process.stderr
            said = process.stderr.readline() if begun else b""
            time.sleep(seconds)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            said += process.stderr.read()
        return _phase(said.decode()) if process.returncode == -signal.SIGKILL else "over"

    def verify(self) -> subprocess.CompletedProcess[str]:
        """Run `cache verify`, which reads the build root, too."""
        words = ("cache", "verify", "--json", "--cache-dir", self.store.root)
        return subprocess.run(
            [sys.executable, "-m", "omnibuild", *words], capture_output=True, text=True, check=False
        )

    def check_whole(self) -> None:
        """Everything that was added to the store is what its name says."""
        for item in take_inventory(self.store).of(Held.TREE, Held.BLOB):
            if item.path not in self.given:
                tree = item.held is Held.TREE
                found = scan(item.path / "files").digest if tree else digests.of_file(item.path)
                assert found == item.name, item.path

    def check_healed(self) -> None:
        """The next build succeeds, equals a clean one, and leaves a whole store behind."""
        self.check_whole()
        done = self.build()
        assert done.returncode == 0, done.stdout + done.stderr
        assert self.artifact.read_bytes() == self.clean
        self.check_whole()
        assert take_inventory(self.store).of(Held.SCRATCH, Held.PARTIAL) == []
        assert list((self.store.root / "leases").iterdir()) == []


def kill_often(bench: Bench, times: int, seed: int) -> Counter[str]:
    """Kill a build at random moments, each time with all that must hold then.

    Returns how often it had got to which kinds of actions.
    """
    dice = random.Random(seed)  # noqa: S311 - no secret
    assert bench.clean
    started = time.monotonic()
    bench.build()
    longest = time.monotonic() - started
    phases: Counter[str] = Counter()
    while (number := phases.total()) < times:
        bench.reset()
        # Few before there is anything to break: starting takes long on a busy machine.
        begun = dice.random() < MOSTLY
        phase = bench.killed_build(dice.uniform(0, longest), begun=begun)
        if phase == "over":
            # It was quicker than the kill, as the machine is not always equally busy.
            longest *= TOO_LATE
            continue
        longest *= IN_TIME
        phases[phase] += 1
        if number % 10 == 0:
            assert bench.verify().returncode == 0
        bench.check_healed()
        if number % 10 == 0:
            assert bench.verify().returncode == 0
    return phases


def linked_store(given: Store, cache: Path) -> None:
    """Make a store on another file system that has the objects of a store by symlinks."""
    store = Store(cache)
    for item in take_inventory(given).items:
        path = store.root / item.path.relative_to(given.root)
        path.parent.mkdir(parents=True, exist_ok=True)
        if item.held in (Held.TREE, Held.BLOB):
            path.symlink_to(item.path)
        else:
            shutil.copyfile(item.path, path)


def _phase(said: str) -> str:
    """Return the kinds of actions that had begun and were not done."""
    lines = [line.split() for line in said.splitlines()]
    started = {words[1] for words in lines if words[0] == "start"}
    done = {words[1] for words in lines if words[0] == "done"}
    running = {name.split(":")[0] for name in started - done}
    return "+".join(sorted(running)) or ("between" if started else "starting")
