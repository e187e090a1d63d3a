"""Ctrl-C at every moment in which the program loads: status 130, and not a word of Python."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

# The interruption comes when the module is looked for; without one, what is looked for is told.
PROGRAM = """
import json, os, signal, sys
wanted, looked_for = sys.argv[1], []
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        looked_for.append(name)
        if name == wanted:
            os.kill(os.getpid(), signal.SIGINT)
from omnibuild.cli.main import main
sys.meta_path.insert(0, Interrupting())
sys.argv = ["omnibuild", "why", "nonesuch", "--recipe", "hello"]
status = main()
if wanted == "at the end":
    os.kill(os.getpid(), signal.SIGINT)
if not wanted:
    print(json.dumps(looked_for))
sys.exit(status)
"""


def run(wanted: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-c", PROGRAM, wanted]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_an_interruption_is_no_traceback_whenever_it_comes() -> None:
    done = run("")
    assert done.returncode == 2
    modules: list[str] = json.loads(done.stdout)
    assert "omnibuild.cli.parser" in modules
    assert "omnibuild.cli.commands.why" in modules
    # Some modules of ours, and some of those that they load.
    ours = [name for name in modules if name.startswith("omnibuild.")]
    others = [name for name in modules if name not in ours]
    for name in (*ours[:: max(1, len(ours) // 6)], *others[:: max(1, len(others) // 3)]):
        done = run(name)
        assert done.returncode == 130, f"{name}: {done.stderr}"
        assert "Traceback" not in done.stderr, name


def test_an_interruption_after_the_work_is_no_traceback() -> None:
    done = run("at the end")
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_another_program_keeps_its_own_handler(capsys: pytest.CaptureFixture[str]) -> None:
    from omnibuild.cli.main import main

    before = signal.getsignal(signal.SIGINT)
    assert main(["why", "nonesuch", "--recipe", "hello"]) == 2
    assert signal.getsignal(signal.SIGINT) is before
    assert "nonesuch" in capsys.readouterr().err
