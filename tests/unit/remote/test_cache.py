"""The remote cache delivers what is good, and nothing else; it never fails."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from math import inf, nan
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.errors import StorageError, UsageError
from omnibuild.remote import names
from omnibuild.remote.cache import RemoteCache
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store
from omnibuild.transfer.http import Downloader
from omnibuild.transfer.web import WebObjects
from tests.unit.transfer.server import broken_after, content, running, status

from .samples import KEY, Told, opened, stored_tree, unseen

OTHER_KEY = "cd" + "1" * 62
LARGE = os.urandom(200_000)


def fill(place: Path, store: Store, output: Output, key: str = KEY) -> Result:
    """Push a result as a builder does."""
    told = Told()
    result = Result(output, seconds=1.5, cpu=2.5, memory=1 << 20, log="made-here.log")
    opened(place, told, writable=True).push(key, result, store)
    assert told.warnings == []
    return result


def objects_in(store: Store) -> list[str]:
    """Return what a store holds: objects and parts of them."""
    found = [path for name in ("blobs", "trees") for path in (store.root / name).glob("*/*")]
    return sorted(path.name for path in found) + os.listdir(store.root / "scratch")


def test_a_tree_comes_back(here: Store, there: Store, place: Path) -> None:
    output = stored_tree(here)
    output = Output("tree", output.digest, identity="e" * 64)
    fill(place, here, output)
    told = Told()
    remote = opened(place, told)
    assert remote.result(KEY) == Result(output, seconds=1.5, cpu=2.5, memory=1 << 20, believed=True)
    assert remote.pull(output, there, unseen)
    assert there.tree(output.digest) == here.tree(output.digest)
    assert objects_in(there) == [output.digest]
    assert told.warnings == []


def test_a_blob_needs_no_record(here: Store, there: Store, place: Path) -> None:
    output = here.add_blob(b"a source")
    told = Told()
    remote = opened(place, told, writable=True)
    assert remote.push_object(output, here)
    assert remote.pull(output, there, unseen)
    assert there.blob(output.digest).read_bytes() == b"a source"
    assert objects_in(there) == [output.digest]
    assert told.warnings == []


def test_what_nobody_promised_may_be_missing_in_silence(there: Store, place: Path) -> None:
    told = Told()
    remote = opened(place, told)
    assert remote.result(KEY) is None
    for kind in ("blob", "tree"):
        assert not remote.pull(Output(kind, "f" * 64), there, unseen)
    assert told.warnings == []
    assert objects_in(there) == []


def test_progress_is_told(here: Store, there: Store, place: Path) -> None:
    output = here.add_blob(LARGE)
    fill(place, here, output)
    seen: list[tuple[int, int]] = []
    opened(place, Told()).pull(output, there, lambda *at: seen.append(at))
    assert seen[-1] == (len(LARGE), len(LARGE))


def missing(path: Path, other: Path) -> None:
    path.unlink()


def truncated(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


def emptied(path: Path, other: Path) -> None:
    path.write_bytes(b"")


def flipped(path: Path, other: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def swapped(path: Path, other: Path) -> None:
    path.write_bytes(other.read_bytes())


@pytest.mark.parametrize("spoil", [missing, truncated, emptied, flipped, swapped])
@pytest.mark.parametrize("name_of", [names.blob, names.archive])
def test_a_bad_object_is_a_miss_with_a_warning(
    here: Store,
    there: Store,
    place: Path,
    spoil: Callable[[Path, Path], None],
    name_of: Callable[[str], str],
) -> None:
    if name_of is names.blob:
        good, other = here.add_blob(LARGE), here.add_blob(b"other")
    else:
        good = stored_tree(here)
        with here.scratch() as scratch:
            (scratch / "tree/files").mkdir(parents=True)
            other = here.add_tree(scratch / "tree")
    fill(place, here, good)
    fill(place, here, other, OTHER_KEY)
    spoil(place / name_of(good.digest), place / name_of(other.digest))
    told = Told()
    remote = opened(place, told, writable=True)
    assert remote.result(KEY) is not None
    assert not remote.pull(good, there, unseen)
    assert len(told.warnings) == 1
    assert objects_in(there) == []
    # Others are still good, and whoever makes the object again heals the remote cache.
    assert remote.pull(other, there, unseen)
    remote.push(KEY, Result(good), here)
    assert opened(place, told).pull(good, there, unseen)
    assert len(told.warnings) == 1


@pytest.mark.parametrize("spoil", [truncated, emptied, swapped])
def test_a_bad_record_is_a_miss_with_a_warning(
    here: Store, place: Path, spoil: Callable[[Path, Path], None]
) -> None:
    result = fill(place, here, here.add_blob(b"good"))
    fill(place, here, here.add_blob(b"other"), OTHER_KEY)
    spoil(place / names.result(KEY), place / names.result(OTHER_KEY))
    told = Told()
    remote = opened(place, told, writable=True)
    assert remote.result(KEY) is None
    assert len(told.warnings) == 1
    remote.push(KEY, result, here)
    again = opened(place, told).result(KEY)
    assert again is not None
    assert again.output == result.output


@pytest.mark.parametrize(
    "body",
    [
        *({}, [], None, 5, "text", {"output": {}}, {"output": None}),
        *({"output": {"kind": "blob", "digest": "../../etc"}}, {"output": {"kind": "blob"}}),
        {"output": {"kind": "device", "digest": "a" * 64}},
        {"output": {"kind": "tree", "digest": ["a" * 64]}},
        {"output": {"kind": "tree", "digest": "a" * 64, "identity": "/etc"}},
        {"output": {"kind": "tree", "digest": "a" * 64}, "seconds": "1"},
        {"output": {"kind": "tree", "digest": "a" * 64}, "cpu": -1},
        *({"output": {"kind": "tree", "digest": "a" * 64}, "cpu": n} for n in (inf, nan, 10**400)),
        {"output": {"kind": "tree", "digest": "a" * 64}, "unknown": 1},
    ],
)
def test_a_record_of_nonsense_is_a_miss_with_a_warning(place: Path, body: object) -> None:
    statement = {"format": 1, "about": "result", "subject": KEY, "body": body}
    path = place / names.result(KEY)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"statement": json.dumps(statement), "signature": ""}))
    told = Told()
    assert opened(place, told).result(KEY) is None
    assert len(told.warnings) == 1


def test_a_log_named_by_a_record_is_ignored(place: Path) -> None:
    body = {"output": {"kind": "tree", "digest": "a" * 64}, "log": "../../evil"}
    statement = {"format": 1, "about": "result", "subject": KEY, "body": body}
    path = place / names.result(KEY)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"statement": json.dumps(statement), "signature": ""}))
    assert opened(place, Told()).result(KEY) == Result(Output("tree", "a" * 64), believed=True)


def test_a_read_only_cache_is_not_written(here: Store, place: Path) -> None:
    told = Told()
    remote = opened(place, told)
    remote.push(KEY, Result(stored_tree(here)), here)
    assert not remote.push_object(here.add_blob(b"source"), here)
    assert not remote.writable
    assert list(place.iterdir()) == []
    assert told.warnings == []


def test_what_is_there_is_not_written_again(here: Store, place: Path) -> None:
    fill(place, here, stored_tree(here))
    before = {path: path.stat().st_ino for path in place.rglob("*")}
    fill(place, here, stored_tree(here))
    assert {path: path.stat().st_ino for path in place.rglob("*")} == before


def test_a_damaged_local_object_does_not_go_there(here: Store, place: Path) -> None:
    blob, tree = here.add_blob(b"source"), stored_tree(here)
    damaged = (here.blob(blob.digest), here.tree_directory(tree.digest) / "tool")
    for path in damaged:
        path.chmod(0o644)
        path.write_bytes(b"junk")
    told = Told()
    remote = opened(place, told, writable=True)
    for output in (blob, tree, Output("blob", "f" * 64), Output("tree", "f" * 64)):
        remote.push(KEY, Result(output), here)
    assert len(told.warnings) == 4
    assert [path for path in place.rglob("*") if path.is_file()] == []
    assert remote.push_object(here.add_blob(b"good"), here)


def closed_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_dead_remote_costs_one_warning(here: Store, there: Store, tmp_path: Path) -> None:
    for url in (f"http://127.0.0.1:{closed_port()}/x", tmp_path / "not" / "mounted"):
        told = Told()
        remote = opened(url, told)
        assert remote.result(KEY) is None
        assert remote.result(OTHER_KEY) is None
        assert not remote.pull(here.add_blob(b"x"), there, unseen)
        assert len(told.warnings) == 1


@pytest.mark.parametrize("code", [401, 403, 500])
def test_a_remote_that_refuses_is_asked_no_more(there: Store, code: int) -> None:
    with running() as server:
        server.serve(f"/{names.result(KEY)}", status(code))
        told = Told()
        objects = WebObjects(server.url(""), Downloader(pause=0.01))
        remote = RemoteCache(objects, writable=False, emit=told)
        assert remote.result(KEY) is None
        asked = len(server.requests)
        assert remote.result(KEY) is None
        assert not remote.pull(Output("blob", "f" * 64), there, unseen)
        assert len(server.requests) == asked
    assert len(told.warnings) == 1


def test_threads_share_one_warning(tmp_path: Path) -> None:
    told = Told()
    remote = opened(f"http://127.0.0.1:{closed_port()}/x", told)
    barrier = threading.Barrier(8)

    def ask(number: int) -> Result | None:
        barrier.wait()
        return remote.result(f"{number:064x}")

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [None] * 8
    assert len(told.warnings) == 1


def test_threads_may_push_and_pull_the_same(here: Store, there: Store, place: Path) -> None:
    outputs = [stored_tree(here), here.add_blob(LARGE)] * 4
    told = Told()
    remote = opened(place, told, writable=True)
    with ThreadPoolExecutor(8) as pool:
        for number, output in enumerate(outputs):
            pool.submit(remote.push, f"{number:064x}", Result(output), here)
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda output: remote.pull(output, there, unseen), outputs))
    assert told.warnings == []
    assert len(objects_in(there)) == 2


def test_a_broken_transfer_is_continued(here: Store, there: Store, place: Path) -> None:
    output = here.add_blob(LARGE)
    partial = there.blob(output.digest).with_name(f"{output.digest}.part")
    partial.parent.mkdir()
    partial.write_bytes(LARGE[:150_000])
    with running() as server:
        server.serve(f"/{names.blob(output.digest)}", content(LARGE))
        assert opened(server.url(""), Told()).pull(output, there, unseen)
        assert [asked for _, asked in server.requests] == ["bytes=150000-"]
    assert objects_in(there) == [output.digest]


def test_a_wrong_beginning_costs_a_second_transfer(here: Store, there: Store, place: Path) -> None:
    output = stored_tree(here)
    fill(place, here, output)
    partial = there.blob(output.digest).with_name(f"{output.digest}.tree.part")
    partial.parent.mkdir()
    partial.write_bytes(b"of another archive")
    told = Told()
    assert opened(place, told).pull(output, there, unseen)
    assert told.warnings == []
    assert objects_in(there) == [output.digest]


def test_an_interrupted_transfer_keeps_what_came(there: Store) -> None:
    digest = digests.of_bytes(LARGE)

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with running() as server:
        server.serve(f"/{names.blob(digest)}", broken_after(LARGE, 1000))
        with pytest.raises(KeyboardInterrupt):
            opened(server.url(""), Told()).pull(Output("blob", digest), there, interrupt)
    assert objects_in(there) == [f"{digest}.part"]


def test_a_full_local_disk_is_the_users_matter(here: Store, there: Store, place: Path) -> None:
    output = here.add_blob(b"x")
    fill(place, here, output)
    there.blob(output.digest).parent.write_text("a file where a directory should be")
    with pytest.raises(StorageError):
        opened(place, Told()).pull(output, there, unseen)


def test_a_web_server_cannot_be_filled() -> None:
    with pytest.raises(UsageError) as caught:
        opened("https://user:secret@host/cache", Told(), writable=True)
    assert "secret" not in str(caught.value)


def test_an_object_that_is_too_large_leaves_nothing(here: Store, there: Store, place: Path) -> None:
    blob, tree = here.add_blob(LARGE), stored_tree(here)
    fill(place, here, blob)
    fill(place, here, tree)
    told = Told()
    remote = opened(place, told, most=100)
    assert not remote.pull(blob, there, unseen)
    assert not remote.pull(tree, there, unseen)
    assert any("more than 0.0001 MB" in warning for warning in told.warnings)
    assert not list(there.root.glob("blobs/*/*"))
