"""A store whose bits are flipped one at a time, each flip followed by builds of several apps."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild import files
from omnibuild.store.inventory import take_inventory
from omnibuild.store.store import LIST_FILE, Store
from omnibuild.tree import Kind
from tests.acceptance.products import replace
from tests.acceptance.test_engine import fresh_store_with_root
from tests.acceptance.workspaces import STEPS, Workspace
from tests.damage import flip

TEXT = '(echo "$PREFIX"; echo text) > "$PREFIX/bin/text"; ln "$PREFIX/bin/text" "$PREFIX/bin/twin"'


# Flips in a root once in so many rounds: it is made again in half a minute.
ROOT_TURNS = 4

APPS = ("changed", "other", "tiny")


@dataclass
class DamageBench:
    """A store that shares nothing with any other, in which the app ``tiny`` was built.

    Args:
        base: a scratch directory.
    """

    base: Path
    store: Store = field(init=False)
    given: frozenset[Path] = field(init=False)
    wanted: dict[str, bytes] = field(init=False)

    def __post_init__(self) -> None:
        shared = fresh_store_with_root(self.base / "shared")
        # Never a flip in a file that is another store's, too.
        subprocess.run(["cp", "-a", shared, self.base / "cache"], check=True)
        files.remove_tree(shared)
        self.store = Store(self.base / "cache")
        self._write_workspaces()
        self.build("tiny")
        self.given = self._items()
        self.wanted = {}
        for app in APPS:
            done = self.build(app)
            assert done.returncode == 0, done.stderr
            self.wanted[app] = self.artifact(app).read_bytes()
        self.reset()

    def _write_workspaces(self) -> None:
        """``tiny``, the same with another summary, and ``other``, compiled over it."""
        for name in ("tiny", "changed"):
            Workspace(self.base / name, steps=(*STEPS, TEXT)).write()
        recipe = self.base / "changed/recipes/tiny.toml"
        over = Workspace(self.base / "changed", needs=("tiny-c",))
        over.steps = ('mkdir -p "$PREFIX/share"; cat "$PREFIX/bin/text" > "$PREFIX/share/over"',)
        over.test = 'grep text "$PREFIX/share/over"'
        source = (self.base / "tiny/tiny.tar.gz").as_uri()
        text = over.software("over-c", source)
        (self.base / "changed/software/over-c.toml").write_text(text)
        shutil.copy(recipe, recipe.with_name("other.toml"))
        replace(recipe, "A tiny program", "A changed program")
        replace(recipe.with_name("other.toml"), 'name = "tiny"', 'name = "other"')
        replace(recipe.with_name("other.toml"), 'tiny-c = "1.0"', 'over-c = "1.0"')

    def artifact(self, app: str) -> Path:
        name = "other" if app == "other" else "tiny"
        return self.base / "dist" / app / f"{name}_1.0-1_amd64.deb"

    def build(self, app: str) -> subprocess.CompletedProcess[str]:
        """Build ``tiny``, ``changed`` (which is ``tiny`` with another summary) or ``other``."""
        workspace = self.base / ("tiny" if app == "tiny" else "changed")
        name = "other" if app == "other" else "tiny"
        command = [sys.executable, "-m", "omnibuild", "build", name, "-C", workspace]
        command += ["-p", "debian-12", "--cache-dir", self.store.root]
        command += ["-o", self.artifact(app).parent]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def _items(self) -> frozenset[Path]:
        return frozenset(item.path for item in take_inventory(self.store).items)

    def reset(self) -> None:
        """Bring the store back to what it was when only ``tiny`` was built."""
        for path in self._items() - self.given:
            files.remove_tree(path)
        files.remove_tree(self.base / "dist")

    def damaged(self, path: Path, offset: int, bit: int) -> str:
        """Flip a bit, build everything, and tell how that ended; then flip it back.

        Fails if anything that was built is not what it is without damage.
        """
        label = f"{path.relative_to(self.store.root)}, byte {offset}, bit {bit}"
        with path.open("rb") as kept:
            flip(path, offset, bit)
            try:
                said = [self._built(app, label) for app in APPS]
            finally:
                # The file may have another name by now, or none.
                flip(Path(f"/proc/self/fd/{kept.fileno()}"), offset, bit)
        self.reset()
        return next((word for word in ("refused", "healed") if word in said), "not needed")

    def _built(self, app: str, label: str) -> str:
        done = self.build(app)
        assert "Traceback" not in done.stderr, f"{label}: {done.stderr}"
        if done.returncode:
            assert done.stderr.count("error[") == 1, f"{label}: {done.stderr}"
            assert not self.artifact(app).exists(), label
            return "refused"
        assert self.artifact(app).read_bytes() == self.wanted[app], f"{label}: {done.stderr}"
        return "healed" if "damaged" in done.stderr else "not needed"


def kinds_of_files(store: Store) -> dict[str, list[Path]]:
    """Return all files of a store that are not empty, by what they belong to."""
    found: dict[str, list[Path]] = {}
    for name in ("blobs", "results", "documents", "actions"):
        found[name] = [path for path in (store.root / name).rglob("*") if path.is_file()]
    for listed in (store.root / "trees").glob(f"*/*/{LIST_FILE}"):
        kind = _kind_of_tree(store, listed.parent.name)
        found.setdefault(f"list of {kind}", []).append(listed)
        found.setdefault(kind, []).extend(_contents(store, listed.parent.name))
    return {
        kind: sorted(path for path in paths if path.stat().st_size) for kind, paths in found.items()
    }


def _contents(store: Store, digest: str) -> Iterator[Path]:
    for entry in store.tree(digest).entries:
        if entry.kind is Kind.FILE:
            yield store.tree_directory(digest) / entry.path


def _kind_of_tree(store: Store, digest: str) -> str:
    names = store.tree(digest).by_path
    if "usr" in names:
        return "root"
    if any(name.endswith(".deb") for name in names):
        return "package"
    if "description.json" not in names:
        return "component"
    return "payload" if "files/opt" in names else "placed"


def flip_often(bench: DamageBench, times: int, seed: int) -> Counter[str]:
    """Flip random bits, all kinds of files in turns; return how it ended how often, by kind."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    kinds = kinds_of_files(bench.store)
    ended: Counter[str] = Counter()
    for number in range(times):
        kinds = kinds_of_files(bench.store)
        kind = sorted(kinds)[number % len(kinds)]
        if "root" in kind and number % (ROOT_TURNS * len(kinds)) >= len(kinds):
            kind = "component"
        path = dice.choice(kinds[kind])
        offset, bit = dice.randrange(path.stat().st_size), dice.randrange(8)
        ended[f"{kind}: {bench.damaged(path, offset, bit)}"] += 1
    return ended
