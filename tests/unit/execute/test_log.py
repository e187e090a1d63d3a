"""The log of programs that no sandbox holds."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from omnibuild.errors import HostError, ToolFailedError
from omnibuild.execute.sandbox.log import KEPT_BYTES, Log, open_log
from omnibuild.files import storage_errors
from omnibuild.tools import Tool

SHELL = Tool("sh", package="dash")


def test_all_that_is_printed_is_there(tmp_path: Path) -> None:
    path = tmp_path / "logs/root.log"
    with open_log(path, 0) as log:
        with log.piped() as stream:
            SHELL.run("-c", "echo one; echo two >&2; seq 100000", log=stream)
        assert log.end().endswith(b"100000\n")
    assert path.read_bytes().startswith(b"one\ntwo\n1\n2\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nobody_else_has_the_log_open(tmp_path: Path) -> None:
    with open_log(tmp_path / "log", 0) as log, log.piped() as stream:
        SHELL.run(
            "-c", "readlink /proc/self/fd/* | grep -v pipe: >&2; chmod 777 /dev/fd/1", log=stream
        )
    assert str(tmp_path) not in (tmp_path / "log").read_text()
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_who_prints_without_end_is_ended(tmp_path: Path) -> None:
    with open_log(tmp_path / "log", 3_000_000) as log:
        with pytest.raises(ToolFailedError), log.piped() as stream:
            SHELL.run("-c", "exec yes", log=stream)
        assert log.broken == "it printed more than 3 MB"
    text = (tmp_path / "log").read_bytes()
    assert len(text) < KEPT_BYTES + 1000
    assert text.endswith(b"[it printed more than 3 MB: the rest was thrown away]\n")


def test_what_is_left_behind_is_not_waited_for(tmp_path: Path) -> None:
    with open_log(tmp_path / "log", 0) as log, log.piped() as stream:
        SHELL.run("-c", "sleep 60 & echo $! >pid; echo done", log=stream, directory=tmp_path)
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert (tmp_path / "log").read_text() == "done\n"


def test_a_disk_that_takes_no_more_is_the_cause(tmp_path: Path) -> None:
    with (
        pytest.raises(HostError, match="No space left on device"),
        open("/dev/full", "r+b", buffering=0) as full,
        storage_errors(tmp_path),
        Log(full, 0).piped() as stream,
    ):
        SHELL.run("-c", "seq 100000", log=stream)
