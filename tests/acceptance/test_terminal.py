"""What a person sees: live on a terminal, plain lines in a pipe, JSON for machines."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.products import omnibuild
from tests.acceptance.workspaces import STEPS, Workspace


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    # A new component each time, so that there is something to watch.
    steps = (f"echo {tmp_path}; sleep 1", *STEPS)
    directory = Workspace(tmp_path / "workspace", steps=steps).write()
    return ["build", "tiny", "-C", str(directory), "-p", "debian-12", "-o", str(tmp_path / "dist")]


def on_a_terminal(words: list[str]) -> str:
    """Run a command with a real terminal for its standard error; return what it drew."""
    main, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "omnibuild", *words],
        stdout=subprocess.DEVNULL,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"},
    )
    os.close(terminal)
    drawn = b""
    while True:
        readable, _, _ = select.select([main], [], [], 60)
        assert readable, "nothing was drawn for a minute"
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        drawn += part
    os.close(main)
    assert process.wait() == 0, drawn.decode()
    return drawn.decode()


def test_a_terminal_shows_what_runs_how_long_and_what_is_next(words: list[str]) -> None:
    drawn = on_a_terminal(words)
    assert re.search(r"component:tiny-c@bullseye/amd64 +\d+\.\d s", drawn)
    assert "next: place:tiny/tiny-c@bullseye/amd64" in drawn
    assert "\x1b[" in drawn
    # Above the live lines one plain line stays for each action that took its time.
    assert re.search(r"done +component:tiny-c@bullseye/amd64", drawn)


def test_a_pipe_gets_plain_lines(words: list[str]) -> None:
    said = omnibuild(*words).stderr
    assert "\x1b" not in said
    # Neither what is over in no time, nor that something began that is over soon.
    assert "place:" not in said
    assert "start   " not in said
    assert re.search(r"done    component:tiny-c@bullseye/amd64  \d+\.\d s\n", said)


def test_a_machine_gets_json(words: list[str]) -> None:
    events = [json.loads(line) for line in omnibuild(*words, "--json").stdout.splitlines()]
    assert events[0]["event"] == "PlanReady"
    assert {
        "event": "ActionStarted",
        "action": "component:tiny-c@bullseye/amd64",
        "kind": "component",
    } in events
    assert events[-1]["event"] == "ArtifactReady"
    assert Path(events[-1]["path"]).stat().st_size == events[-1]["size"]
