from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from omnibuild.store.results import Output
from omnibuild.store.store import Store

HOLDER = """
import sys
from pathlib import Path
from omnibuild.store.store import Store

with Store(Path(sys.argv[1])).lease():
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def oldest(store: Store) -> int | None:
    with store.leases.deciding():
        return store.leases.oldest_start()


def test_a_lease_is_there_while_it_is_held(store: Store) -> None:
    assert oldest(store) is None
    before = time.time_ns()
    with store.lease():
        first = oldest(store)
        assert first is not None
        assert before <= first <= time.time_ns()
        with Store(store.root).lease():
            assert oldest(store) == first
    assert oldest(store) is None
    assert list((store.root / "leases").iterdir()) == []


def test_a_lease_ends_with_its_process_however_that_ends(store: Store) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, store.root], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout
        assert process.stdout.readline() == b"held\n"
        assert oldest(store) is not None
        process.kill()
        process.wait()
    assert oldest(store) is None
    assert list((store.root / "leases").iterdir()) == []


def test_taking_tells_whether_it_is_here_and_marks_it(store: Store) -> None:
    output = store.add_blob(b"x")
    path = store.blob(output.digest)
    path.touch()
    store.leases.mark(path)
    old = path.stat().st_mtime_ns
    with store.lease():
        assert store.take(output)
        assert path.stat().st_mtime_ns > old
        assert path.stat().st_mtime_ns >= (oldest(store) or 0)
    path.unlink()
    assert not store.take(output)
    assert not store.take(Output("tree", "ab" * 32))


def test_a_clock_that_is_set_back_takes_no_protection_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = store.add_blob(b"x")
    with store.lease():
        start = oldest(store)
        assert start is not None
        monkeypatch.setattr(time, "time_ns", lambda: start - 3600 * 10**9)
        assert store.take(output)
        assert store.blob(output.digest).stat().st_mtime_ns >= start


def test_marking_waits_for_a_decision(store: Store) -> None:
    output = store.add_blob(b"x")
    taken = threading.Event()

    def take() -> None:
        store.take(output)
        taken.set()

    with store.leases.deciding():
        thread = threading.Thread(target=take)
        thread.start()
        assert not taken.wait(0.05)
    thread.join()
    assert taken.is_set()


def test_those_who_mark_do_not_wait_for_each_other(store: Store) -> None:
    output = store.add_blob(b"x")
    with store.leases.marking():
        assert Store(store.root).take(output)


def test_a_lock_that_was_removed_locks_nobody(store: Store) -> None:
    """Who waited for a lock file that a collector removed takes the new one."""
    entered = []

    def enter() -> None:
        with store.lock("one"):
            entered.append(time.monotonic_ns())

    with store.lock("one"):
        waiting = threading.Thread(target=enter)
        waiting.start()
        time.sleep(0.05)
        (store.root / "locks/one").unlink()
        left = time.monotonic_ns()
    waiting.join()
    assert entered[0] > left
    assert (store.root / "locks/one").exists()
