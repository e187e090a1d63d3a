"""A store whose bits are flipped one at a time, each flip followed by builds of several apps."""

from __future__ import annotations

import contextlib
import random
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild import files, pipeline
from omnibuild.kinds import serials
from omnibuild.plan.graph import Action, Plan
from omnibuild.plan.lookup import Lookup
from omnibuild.settings import Settings, default_cache
from omnibuild.store.inventory import take_inventory
from omnibuild.store.results import Output
from omnibuild.store.store import LIST_FILE, Store
from tests.acceptance.products import CHECKOUT, omnibuild, replace
from tests.acceptance.workspaces import STEPS, Workspace
from tests.damage import flipped, reads

TEXT = '(echo "$PREFIX"; echo text) > "$PREFIX/bin/text"; ln "$PREFIX/bin/text" "$PREFIX/bin/twin"'

PYTHON = """
[source]
path = "../project"

[python]
version = "3.13"
"""

# The standard library stays at home: to pack it after each flip would take twice the time.
AT_HOME = ('"include",', '"include", "lib/python3.13",')

# What is built after each flip: what it is, the recipe, the platform. `changed` is `tiny` with
# another project, or without one with another summary; `other` is compiled over its component.
BUILDS = {
    "changed": ("tiny", "debian-12"),
    "other": ("other", "debian-12"),
    "other format": ("tiny", "el9"),
    "tiny": ("tiny", "debian-12"),
}

# Installed packages, and the compiler's libraries beside them, are read when another app is made
# of them.
TWIN = {"twin": ("twin", "debian-12")}
TWINNED = ("install", "runtime")

# Read only when what was made of it is lost: so the records of that are flipped, too.
READ_ONCE = ("snapshot", "wheel", "source of root", "source of backend", "source of install")

# These explain; a damaged one is left until it is written the next time.
NOTES = ("document", "last run")

# These are sealed, and written again without a word.
SEALED = ("result", "search")

# Flips in a root once in so many rounds: it is made again in half a minute.
ROOT_TURNS = 3


@dataclass(frozen=True)
class Target:
    """A file in the store.

    Args:
        kind: what made the object that it belongs to.
        path: where it is.
        records: results that are flipped with it.
    """

    kind: str
    path: Path
    records: tuple[Path, ...] = ()


@dataclass
class DamageBench:
    """A store that shares nothing with any other, in which the app ``tiny`` was built.

    Nothing has a network: what is not in the store, nor made of what is, cannot be made again.

    Args:
        base: a scratch directory.
        python: whether ``tiny`` has a project in Python beside its component.
    """

    base: Path
    python: bool = False
    store: Store = field(init=False)
    given: dict[Path, int] = field(init=False)
    wanted: dict[str, bytes] = field(init=False)
    targets: dict[str, list[Target]] = field(init=False)

    def __post_init__(self) -> None:
        self._write_workspaces()
        settings = Settings(self.base / "tiny", self.base / "cache", cores=2)
        plan = pipeline.plan(settings, "tiny", ("debian-12",)).plan
        self.store = Store(settings.cache)
        _take_over(Store(default_cache()), self.store, plan)
        first = self.build("tiny")
        assert first.returncode == 0, first.stderr
        self.given = {item.path: _inode(item.path) for item in take_inventory(self.store).items}
        subprocess.run(["cp", "-al", self.store.root, self.base / "kept"], check=True)
        self.targets = _targets(self.store, plan)
        self.wanted = {}
        for build in (*BUILDS, *(TWIN if self.python else ())):
            done = self.build(build)
            assert done.returncode == 0, done.stderr
            self.wanted[build] = self.artifact(build).read_bytes()
        self.reset()

    def _write_workspaces(self) -> None:
        for name in ("tiny", "changed"):
            Workspace(self.base / name, steps=(*STEPS, TEXT)).write()
        changed = self.base / "changed"
        over = Workspace(changed, needs=("tiny-c",))
        over.steps = ('mkdir -p "$PREFIX/share"; cat "$PREFIX/bin/text" > "$PREFIX/share/over"',)
        over.test = 'grep text "$PREFIX/share/over"'
        source = (self.base / "tiny/tiny.tar.gz").as_uri()
        (changed / "software/over-c.toml").write_text(over.software("over-c", source))
        recipe = changed / "recipes/tiny.toml"
        shutil.copy(recipe, recipe.with_name("other.toml"))
        replace(recipe.with_name("other.toml"), 'name = "tiny"', 'name = "other"')
        replace(recipe.with_name("other.toml"), 'tiny-c = "1.0"', 'over-c = "1.0"')
        if self.python:
            # All that an interpreter takes is in the user's store then.
            words = ("hello", "-C", CHECKOUT, "-p", "debian-12")
            omnibuild("fetch", *words)
            omnibuild("build", *words, "-o", self.base / "hello")
            self._add_projects()
        else:
            replace(recipe, "A tiny program", "A changed program")

    def _add_projects(self) -> None:
        # Without the record of what it was made for: here it is of other apps.
        lock = (CHECKOUT / "recipes/pylock.hello.toml").read_text().partition("[tool.omnibuild]")[0]
        for name in ("tiny", "changed"):
            for path in (CHECKOUT / "software").glob("python-*"):
                shutil.copy(path, self.base / name / "software")
            replace(self.base / name / "software/python-3.13.toml", *AT_HOME)
            shutil.copytree(CHECKOUT / "examples/hello", self.base / name / "project")
            recipes = self.base / name / "recipes"
            text = (recipes / "tiny.toml").read_text() + PYTHON
            for app in ("tiny", "twin"):
                (recipes / f"{app}.toml").write_text(text.replace('"tiny"', f'"{app}"'))
                (recipes / f"pylock.{app}.toml").write_text(lock)
        page = self.base / "changed/project/src/hello/__init__.py"
        page.write_text(f"{page.read_text()}# Changed.\n")

    def artifact(self, build: str) -> Path:
        app, platform = {**BUILDS, **TWIN}[build]
        name = f"{app}-1.0-1.x86_64.rpm" if platform == "el9" else f"{app}_1.0-1_amd64.deb"
        return self.base / "dist" / build / name

    def build(self, build: str) -> subprocess.CompletedProcess[str]:
        app, platform = {**BUILDS, **TWIN}[build]
        workspace = self.base / ("changed" if build in ("changed", "other") else "tiny")
        command = ["unshare", "--net", sys.executable, "-m", "omnibuild", "build", app]
        command += ["-C", workspace, "-p", platform, "--cache-dir", self.store.root]
        command += ["-o", self.artifact(build).parent]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=CHECKOUT)

    def reset(self) -> None:
        """Bring the store back to what it was when only ``tiny`` was built, to the same inodes."""
        files.remove_tree(self.base / "dist")
        for item in take_inventory(self.store).items:
            if self.given.get(item.path) != _inode(item.path):
                files.remove_tree(item.path)
        for path in self.given:
            if not path.exists():
                kept = self.base / "kept" / path.relative_to(self.store.root)
                subprocess.run(["cp", "-al", kept, path], check=True)

    def damaged(
        self, target: Target, offset: int, bit: int, builds: Sequence[str] = tuple(BUILDS)
    ) -> str:
        """Flip a bit, build, and tell how that ended; then flip it back.

        Fails if anything that was built is not what it is without damage, or if an object was read
        and nobody noticed.
        """
        label = f"{target.path.relative_to(self.store.root)}, byte {offset}, bit {bit}"
        with contextlib.ExitStack() as stack:
            stack.enter_context(flipped(target.path, offset, bit))
            for record in target.records:
                stack.enter_context(flipped(record, record.stat().st_size // 2, 0))
            damage = _inode(target.path)
            seen = stack.enter_context(reads(target.path))
            said = [self._built(build, label) for build in builds]
            read = seen()
            healed = target.path.exists() and _inode(target.path) != damage
        self.reset()
        if any("error[" in text for text in said):
            return "refused"
        if healed and (target.kind in (*NOTES, *SEALED) or any("damaged" in t for t in said)):
            return "healed"
        assert not read or target.kind in NOTES, f"{label}: it was read: {said}"
        return "read, nothing depends on it" if read else "not read"

    def _built(self, build: str, label: str) -> str:
        done = self.build(build)
        assert "Traceback" not in done.stderr, f"{label}: {done.stderr}"
        if done.returncode:
            assert done.stderr.count("error[") == 1, f"{label}: {done.stderr}"
            assert not self.artifact(build).exists(), label
        else:
            same = self.artifact(build).read_bytes() == self.wanted[build]
            assert same, f"{label}, {build}: {done.stderr}"
        return done.stderr


def _inode(path: Path) -> int:
    """Return the inode of a blob or a record, or of a tree's list."""
    return (path / LIST_FILE if path.is_dir() else path).stat().st_ino


def _take_over(full: Store, store: Store, plan: Plan) -> None:
    """Copy what the user's store has for a plan: the root, the interpreter, but not its sources."""
    lookup, outputs = Lookup(full, serials()), dict[str, Output]()
    for action in plan:
        known = outputs.keys() >= {*action.inputs.values()}
        if not known or (result := lookup.local(action, outputs)) is None:
            continue
        output = outputs[action.name] = result.output
        if _kind(plan, action) == "source of component" or not full.has(output):
            continue
        source = full.blob(output.digest)
        if output.kind == "tree":
            source = full.tree_directory(output.digest).parent
        target = store.root / source.relative_to(full.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        # Never a flip in a file that is another store's, too.
        subprocess.run(["cp", "-a", source, target], check=True)
        if action.output is None:
            store.record(lookup.key(action, outputs), result)


def _targets(store: Store, plan: Plan) -> dict[str, list[Target]]:
    """Return all files of a store that are not empty, by kinds."""
    lookup, outputs = Lookup(store, serials()), dict[str, Output]()
    records: dict[str, Path] = {}
    for action in plan:
        result = lookup.local(action, outputs)
        assert result, action.name
        outputs[action.name] = result.output
        if action.output is None:
            key = lookup.key(action, outputs)
            records[action.name] = store.root / "results" / key[:2] / f"{key}.json"
    found: dict[str, list[Target]] = {}
    for action in plan:
        kind = _kind(plan, action)
        users = plan.dependents[action.name]
        if kind == "component of others" and all(
            plan.actions[name].kind == "component" for name in users
        ):
            continue  # read when another is compiled anew, which takes minutes
        after = users if kind in READ_ONCE else ()
        lost = tuple(records[name] for name in after)
        for path in _files(store, outputs[action.name]):
            found.setdefault("list" if path.name == LIST_FILE else kind, []).append(
                Target(kind, path, lost)
            )
    found["result"] = [Target("result", path) for path in records.values()]
    for kind, name in zip((*NOTES, "search"), ("documents", "actions", "searched"), strict=True):
        paths = (path for path in sorted((store.root / name).rglob("*")) if path.is_file())
        found[kind] = [Target(kind, path) for path in paths]
    return found


def _kind(plan: Plan, action: Action) -> str:
    if action.kind == "fetch":
        return f"source of {plan.actions[plan.dependents[action.name][0]].kind}"
    other = action.kind == "component" and "tiny-c" not in action.name
    return "component of others" if other else action.kind


def _files(store: Store, output: Output) -> Iterator[Path]:
    """Return the files of an object that are not empty; none if it is not here."""
    if output.kind == "blob":
        if store.has(output):
            yield store.blob(output.digest)
    elif store.has(output):
        directory = store.tree_directory(output.digest)
        yield directory.with_name(LIST_FILE)
        listed = store.tree(output.digest).files()
        yield from (directory / entry.path for entry in listed if entry.size)


def flip_often(bench: DamageBench, times: int, seed: int) -> dict[str, Counter[str]]:
    """Flip random bits, all kinds of files in turns; return how it ended how often, by kind."""
    dice = random.Random(seed)  # noqa: S311 - no secret
    kinds = sorted(bench.targets)
    ended: dict[str, Counter[str]] = {kind: Counter() for kind in kinds}
    for number in range(times):
        turn, place = divmod(number, len(kinds))
        kind = kinds[place]
        if kind == "root" and turn % ROOT_TURNS:
            kind = "component"
        target = dice.choice(bench.targets[kind])
        offset, bit = dice.randrange(target.path.stat().st_size), dice.randrange(8)
        builds = (*BUILDS, *(TWIN if target.kind in TWINNED else ()))
        ended[kind][bench.damaged(target, offset, bit, builds)] += 1
    return ended
