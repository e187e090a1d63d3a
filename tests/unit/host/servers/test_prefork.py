"""Several processes of a server: started, replaced, kept; with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omnibuild.host.servers.programs import prefork

# It serves where there is no file `broken`; it writes down that it does, and that it ends.
SERVER = """
import os, signal, sys, time
from pathlib import Path
def end(*_):
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
if Path("broken").exists():
    sys.exit(int(Path("broken").read_text() or 3))
Path(f"{os.getpid()}.served").touch()
os.kill(os.getppid(), signal.SIGRTMIN)
while True:
    time.sleep(10)
"""
PATIENCE = 20


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Started:
    """The program, with two processes in a directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        command = [sys.executable, "-I", "-S", "-B", prefork.__file__, "2", "5"]
        with (directory / "said").open("w") as said:
            self.process = subprocess.Popen(
                [*command, sys.executable, "-I", "-c", SERVER], cwd=directory, stderr=said
            )

    @property
    def said(self) -> str:
        return (self.directory / "said").read_text()

    @property
    def served(self) -> set[int]:
        return {int(path.stem) for path in self.directory.glob("*.served")}

    @property
    def serving(self) -> set[int]:
        return {pid for pid in self.served if is_running(pid)}

    def end(self) -> str:
        self.process.terminate()
        self.process.wait(PATIENCE)
        return self.said


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    started = Started(tmp_path)
    try:
        eventually(lambda: len(started.served) == 2)
        # They have written that they serve, and are about to tell it.
        time.sleep(0.1)
        yield started
    finally:
        started.process.kill()
        started.process.wait()
        for pid in started.serving:
            os.kill(pid, signal.SIGKILL)


def test_a_reload_replaces_all(started: Started) -> None:
    old = started.serving
    started.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(started.served) == 4 and not old & started.serving)
    assert len(started.serving) == 2
    assert started.end() == ""
    assert started.process.returncode == 0
    assert started.serving == set()


def test_what_cannot_start_replaces_nothing(started: Started) -> None:
    old = started.serving
    (started.directory / "broken").touch()
    started.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the old processes serve on" in started.said)
    assert "ended by itself: 3" in started.said
    assert started.serving == old
    # Once it is mended, the next one is made.
    (started.directory / "broken").unlink()
    started.process.send_signal(signal.SIGHUP)
    eventually(lambda: len(started.serving - old) == 2 and not started.serving & old)
    started.end()
    assert started.process.returncode == 0


def test_one_that_dies_is_replaced(started: Started) -> None:
    first = min(started.serving)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: len(started.served) == 3)
    assert f"process {first} ended by itself: -9" in started.end()


# By 78 a server says that it cannot read its configuration.
@pytest.mark.parametrize(("code", "status"), [(3, 1), (78, 78)])
def test_what_never_serves_ends_all(tmp_path: Path, code: int, status: int) -> None:
    (tmp_path / "broken").write_text(str(code))
    started = Started(tmp_path)
    assert started.process.wait(PATIENCE) == status
    assert f"ended by itself: {code}" in started.said


def test_a_number_of_processes_is_a_number() -> None:
    program = [sys.executable, "-I", "-S", "-B", prefork.__file__, "two", "5", "/bin/true"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "WEB_CONCURRENCY is no number of processes: two\n"
