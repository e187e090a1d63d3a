"""A disk that fails at every single change: always one clear error, and nothing is spoilt."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.errors import StorageError
from omnibuild.files import atomic_file, remove_leftovers
from omnibuild.sources.fetch import fetch
from omnibuild.store.collect import Limits, collect
from omnibuild.store.history import LastRun
from omnibuild.store.inventory import Held, take_inventory
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store
from omnibuild.store.verify import verify
from omnibuild.transfer.http import Downloader
from tests.integration.store.failing_disk import Disk, failing_disk

KEY = digests.of_json({"inputs": {}})
SOURCE = b"source" * 50_000


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disk]:
    with failing_disk(tmp_path_factory.mktemp("failing")) as disk:
        yield disk


def work(root: Path, source: Path) -> list[Output]:
    """Do what a build does to its store and to its output directory."""
    store = Store(root / "store")
    store.collect_scratch()
    with store.lease(), store.lock("action"):
        fetched = Output("blob", digests.of_bytes(SOURCE))
        if not store.take(fetched):
            place, target = [source.as_uri()], store.blob(fetched.digest)
            fetch(fetched.digest, place, target, downloader=Downloader(), progress=lambda *_: None)
        blob = store.add_blob(b"report")
        with store.scratch() as scratch:
            files = scratch / "tree/files"
            (files / "empty").mkdir(parents=True)
            (files / "program").write_bytes(b"program" * 1000)
            (files / "program").chmod(0o755)
            os.link(files / "program", files / "same")
            (files / "link").symlink_to("program")
            tree = store.add_tree(scratch / "tree")
        remove_leftovers(root / "dist")
        store.record(KEY, Result(tree))
        store.history.remember("action", LastRun(KEY, 1.0, 0.0, {}), {"inputs": {}})
        with atomic_file(root / "dist" / "artifact") as artifact:
            artifact.write(store.blob(blob.digest).read_bytes())
    return [fetched, blob, tree]


@pytest.mark.parametrize(
    ("number", "forever"), [(errno.EIO, False), (errno.ENOSPC, True)], ids=["EIO once", "full"]
)
def test_every_change_may_fail(disk: Disk, tmp_path: Path, number: int, forever: bool) -> None:
    source = tmp_path / "source"
    source.write_bytes(SOURCE)
    disk.fail(0)
    wanted = work(disk.mount / f"{number}-{forever}-healthy", source)
    changes = disk.changes
    assert changes > 50
    failures = 0
    for at in range(1, changes + 1):
        root = disk.mount / f"{number}-{forever}-{at}"
        os.mkdir(root)
        disk.fail(at, number, forever=forever)
        said = refusal(disk, lambda root=root: work(root, source))
        if said:
            failures += 1
            assert str(root) in said
            assert os.strerror(number) in said
        artifact = root / "dist/artifact"
        assert not artifact.exists() or artifact.read_bytes() == b"report"
        check_healed(root, source, wanted)
    # Where only cleaning up failed, the work is done all the same.
    assert failures > changes / 2


def refusal(disk: Disk, do: Callable[[], object]) -> str:
    """Return what was said when something could not be done; nothing when it could."""
    try:
        do()
    except StorageError as error:
        return error.what
    finally:
        disk.fail(0)
    return ""


def check_healed(root: Path, source: Path, wanted: list[Output]) -> None:
    """On a healthy disk the work succeeds, all that is there is whole, nothing is left over."""
    assert work(root, source) == wanted
    store = Store(root / "store")
    assert verify(store, 1, lambda *_: None).damaged == ()
    assert store.result(KEY) == Result(wanted[2])
    assert (root / "dist/artifact").read_bytes() == b"report"
    assert [path.name for path in (root / "dist").iterdir()] == ["artifact"]
    inventory = take_inventory(store)
    assert inventory.of(Held.SCRATCH, Held.PARTIAL) == []
    assert len(inventory.of(Held.BLOB, Held.TREE)) == len(wanted)


def test_collection_may_fail_at_every_change(disk: Disk, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(SOURCE)
    disk.fail(0)
    work(disk.mount / "collected", source)
    disk.fail(0)
    collect(Store(disk.mount / "collected/store"), Limits(size=0))
    for at in range(1, disk.changes + 1):
        root = disk.mount / f"collect-{at}"
        wanted = work(root, source)
        disk.fail(at)
        said = refusal(disk, lambda root=root: collect(Store(root / "store"), Limits(size=0)))
        assert not said or str(root) in said
        check_healed(root, source, wanted)
