"""Boundaries of what is kept or shared: stores, remote caches, keys, git trees, index pages."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild import events
from omnibuild.digests import of_bytes
from omnibuild.errors import OmnibuildError, SigningKeyError
from omnibuild.execute.job import Kind
from omnibuild.execute.scheduler import Execution
from omnibuild.kinds import all_kinds
from omnibuild.plan.graph import Plan
from omnibuild.signing.creation import create_key
from omnibuild.signing.signer import load_signer
from omnibuild.signing.verifier import load_verifier
from omnibuild.sources.fetch import fetch
from omnibuild.sources.places import Places
from omnibuild.sources.snapshot import copy_snapshot, snapshot
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store
from omnibuild.transfer.http import Downloader
from tests.certification.hostile.harness import SECRET, Boundary, Place
from tests.certification.hostile.mutate import NASTY, damaged, json_text, revalued, reworded
from tests.unit.kinds.test_golden_outputs import captured, plan
from tests.unit.remote.samples import KEY, Told, opened, stored_tree, unseen
from tests.unit.transfer.server import Server

# Remote caches --------------------------------------------------------------------------------


@dataclass
class Shared:
    """A filled remote cache, and what is in it."""

    remote: Path
    store: Store
    outputs: tuple[Output, ...]


def _prepare_remote(place: Place) -> Shared:
    store = Store(place.shared / "store")
    outputs = (stored_tree(store), store.add_blob(b"a source" * 100))
    remote = place.shared / "remote"
    remote.mkdir()
    builder = opened(remote, Told(), writable=True)
    for number, output in enumerate(outputs):
        assert builder.push(f"{number}{KEY[1:]}", Result(output), store)
    return Shared(remote, store, outputs)


def _make_remote(place: Place, shared: Shared, dice: random.Random) -> None:
    shutil.copytree(shared.remote, place.inbox / "remote", symlinks=True)
    objects = sorted(p for p in (place.inbox / "remote").rglob("*") if p.is_file())
    for path in dice.sample(objects, dice.choice((1, 1, 2, len(objects)))):
        data = path.read_bytes()
        if data.startswith(b"{") and dice.randrange(2):
            path.write_bytes(json_text(revalued(json.loads(data), dice)))
        elif not dice.randrange(8):
            path.unlink()
        elif not dice.randrange(8):
            path.write_bytes(dice.choice([p for p in objects if p.exists()]).read_bytes())
        else:
            path.write_bytes(damaged(data, dice))


def _take_remote(place: Place, shared: Shared) -> str:
    told, pulled = Told(), 0
    cache = opened(place.inbox / "remote", told)
    mine = Store(place.outbox / "store")
    for number, output in enumerate(shared.outputs):
        result = cache.result(f"{number}{KEY[1:]}")
        if result is None or not cache.pull(result.output, mine, unseen):
            continue
        pulled += 1
        # Without a signature a record may name another output, and never other bytes for it.
        if result.output.digest != output.digest:
            continue
        if output.kind == "blob":
            content = mine.blob(output.digest).read_bytes()
            assert of_bytes(content) == output.digest
        else:
            assert mine.tree(output.digest) == shared.store.tree(output.digest)
    assert not [*(mine.root / "scratch").iterdir()]
    for warning in told.warnings:
        assert len(warning) < 5_000
    return "taken" if pulled == len(shared.outputs) else "missed"


# Stores ---------------------------------------------------------------------------------------


@dataclass
class Built:
    """A plan, the store it was done in, and what must come out of it."""

    plan: Plan
    store: Path
    outputs: dict[str, Output]
    kinds: dict[str, Kind] = field(default_factory=dict)


def _do(wanted: Plan, store: Store, kinds: dict[str, Kind]) -> dict[str, Output]:
    return dict(Execution(wanted, kinds, store, events.silent, 1).run())


def _prepare_store(place: Place) -> Built:
    wanted = plan(place.shared)
    kinds = {**all_kinds(), "captured": Kind(1, captured)}
    path = place.shared / "store"
    store = Store(path)
    store.add_blob((place.shared / "root.tar").read_bytes())
    # The packages are made anew each time, from what lies damaged in the store.
    before = Plan.of([action for action in wanted if action.kind != "package"])
    _do(before, store, kinds)
    clean = Store(place.shared / "clean")
    clean.add_blob((place.shared / "root.tar").read_bytes())
    return Built(wanted, path, _do(wanted, clean, kinds), kinds)


def _make_store(place: Place, built: Built, dice: random.Random) -> None:
    shutil.copytree(built.store, place.inbox / "store", symlinks=True)
    files = sorted(
        p for p in (place.inbox / "store").rglob("*") if p.is_file() and not p.is_symlink()
    )
    files = [p for p in files if p.stat().st_size and "locks" not in p.parts]
    path = dice.choice(files)
    times = path.stat()
    mode = times.st_mode
    path.chmod(0o600)
    if dice.randrange(10):
        data = bytearray(path.read_bytes())
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        path.write_bytes(data)
    else:
        path.unlink()
        return
    path.chmod(mode)
    # A disk that flips a bit leaves the times as they were.
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def _take_store(place: Place, built: Built) -> str:
    store = Store(place.inbox / "store")
    outputs = _do(built.plan, store, built.kinds)
    for name, output in outputs.items():
        if built.plan.actions[name].kind == "package":
            assert output.digest == built.outputs[name].digest, f"{name} has wrong bytes"
            assert not _wrong(store, output), f"{name} is kept with wrong bytes"
    return "healed"


def _wrong(store: Store, output: Output) -> list[str]:
    directory = store.tree_directory(output.digest)
    return [
        entry.path
        for entry in store.tree(output.digest).files()
        if of_bytes((directory / entry.path).read_bytes()) != entry.digest
    ]


# Keys -----------------------------------------------------------------------------------------


def _prepare_keys(place: Place) -> dict[str, bytes]:
    info = create_key(place.shared / "signing.key", "Tester <tester@example.com>")
    files = (info.path, info.public_armored, info.public_binary)
    return {path.name: path.read_bytes() for path in files}


def _make_key(place: Place, keys: dict[str, bytes], dice: random.Random) -> None:
    name = dice.choice(list(keys))
    data = keys[name]
    if dice.randrange(2) and not name.endswith(".gpg"):
        data = reworded(data.decode("latin-1"), dice).encode("latin-1", "replace")
    else:
        data = damaged(data, dice)
    (place.inbox / name).write_bytes(data)


def _take_key(place: Place, _: dict[str, bytes]) -> str:
    (path,) = place.inbox.iterdir()
    refusals = 0
    for use in (load_signer, lambda path: load_verifier([path])):
        try:
            use(path)
        except SigningKeyError:
            refusals += 1
    if refusals == 2:
        raise SigningKeyError("neither a secret nor a public key")
    return "taken"


# Git trees ------------------------------------------------------------------------------------


def _git(directory: Path, *words: str) -> None:
    name = ("-c", "user.name=t", "-c", "user.email=t@example.com")
    subprocess.run(["git", *name, *words], cwd=directory, check=True, capture_output=True)


def _prepare_git(place: Place) -> Path:
    project = place.shared / "project"
    for name in ("src/app/__init__.py", "src/app/data.txt", "docs/index.md", "pyproject.toml"):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(name)
    _git(project, "init", "-q")
    _git(project, "add", ".")
    _git(project, "commit", "-qm", "first")
    return project


def _make_git(place: Place, project: Path, dice: random.Random) -> None:
    work = place.inbox / "project"
    shutil.copytree(project, work, symlinks=True)
    for _ in range(dice.choice((1, 2, 4))):
        paths = [p for p in sorted(work.rglob("*")) if ".git" not in p.parts]
        path = dice.choice(paths) if paths else work / "new"
        # The damage itself stays where it belongs: it follows no symlink of the accident before.
        inside = path.parent
        if os.path.realpath(inside) != str(inside):
            continue
        targets = (
            str(place.outside),
            f"{place.outside}/secret",
            "..",
            ".",
            "src",
            "docs",
            path.name,
        )
        with suppress(OSError, ValueError):
            match dice.randrange(6):
                case 0:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
                    path.symlink_to(dice.choice((*targets, *NASTY)))
                case 1:
                    (inside / dice.choice(NASTY).replace("/", "_")).write_text("odd")
                case 2:
                    (inside / "link").symlink_to(dice.choice(targets))
                case 3:
                    os.mkfifo(inside / "fifo")
                case 4:
                    shutil.copytree(project / ".git", inside / ".git")
                case _ if not path.is_symlink():
                    path.chmod(dice.choice((0o000, 0o777, 0o644)))
    if not dice.randrange(3):
        index = work / ".git/index"
        index.write_bytes(damaged(index.read_bytes(), dice))


def _take_git(place: Place, _: Path) -> str:
    work = place.inbox / "project"
    tree = snapshot(work)
    copy_snapshot(work, tree, place.inbox / "copy")
    assert snapshot(work).digest == tree.digest
    for entry in tree.entries:
        path = place.inbox / "copy" / entry.path
        led = os.path.realpath(path)
        assert not led.startswith(str(place.outside)), f"{entry.path} leads outside"
        if os.path.isfile(path):
            assert SECRET.encode() not in path.read_bytes()
    return "taken"


# Index pages ----------------------------------------------------------------------------------


@dataclass
class Index:
    """An index on the loopback that answers with one page and one file."""

    server: Server
    page: bytes = b""
    media: str = ""


FILE = b"the wheel"
HTML = """<!DOCTYPE html><html><body><a href="../../files/app-1.0-py3-none-any.whl#sha256={digest}"
data-requires-python="&gt;=3.8">app-1.0-py3-none-any.whl</a></body></html>"""


def _prepare_index(place: Place) -> Index:
    index = Index(Server(0))
    index.server.serve("/simple/app/", lambda h: h.reply(200, index.page, Content_Type=index.media))
    index.server.serve("/files/app-1.0-py3-none-any.whl", lambda h: h.reply(200, FILE))
    threading.Thread(target=index.server.serve_forever, daemon=True).start()
    return index


def _make_index(place: Place, index: Index, dice: random.Random) -> None:
    good = {
        "meta": {"api-version": "1.0"},
        "name": "app",
        "files": [
            {
                "filename": "app-1.0-py3-none-any.whl",
                "url": "../../files/app-1.0-py3-none-any.whl",
                "hashes": {"sha256": of_bytes(FILE)},
            }
        ],
    }
    json_media = "application/vnd.pypi.simple.v1+json"
    match dice.randrange(3):
        case 0:
            index.page, index.media = json_text(revalued(good, dice)), json_media
        case 1:
            index.page, index.media = damaged(json_text(good), dice), json_media
        case _:
            page = reworded(HTML.format(digest=of_bytes(FILE)), dice)
            index.page, index.media = page.encode("utf-8", "replace"), "text/html"


def _take_index(place: Place, index: Index) -> str:
    target = place.outbox / "file"
    finder = Places({"OMNIBUILD_INDEX_URL": index.server.url("/simple/")})
    downloader = Downloader(connect_timeout=1, read_timeout=1, pause=0)
    try:
        fetch(
            of_bytes(FILE),
            ["index:app/app-1.0-py3-none-any.whl"],
            target,
            downloader=downloader,
            progress=unseen,
            finder=finder,
        )
    except OmnibuildError:
        # What had come is kept on purpose, to go on from there.
        for partial in place.outbox.glob("file*.part"):
            partial.unlink()
        raise
    assert target.read_bytes() == FILE
    return "taken"


BOUNDARIES = {
    "remote objects": Boundary(_prepare_remote, _make_remote, _take_remote),
    "store files": Boundary(_prepare_store, _make_store, _take_store),
    "keys": Boundary(_prepare_keys, _make_key, _take_key),
    "git trees": Boundary(_prepare_git, _make_git, _take_git),
    "index pages": Boundary(_prepare_index, _make_index, _take_index),
}
