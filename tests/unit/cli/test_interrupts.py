"""Ctrl-C at every moment in which the program loads: status 130, and not a word of Python."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys

import pytest
from hypothesis import settings

from omnibuild.cli.outcome import run

# Where a module is looked for, a child goes on with an interruption, and the parent without one;
# how the child ended, and what it said, is told at the end.
PROGRAM = """
import json, os, signal, sys, tempfile
every, looked_for, ends, us = int(sys.argv[1]), [], {}, os.getpid()
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if os.getpid() != us:
            return
        looked_for.append(name)
        if len(looked_for) % every:
            return
        with tempfile.TemporaryFile() as said:
            child = os.fork()
            if not child:
                os.dup2(said.fileno(), 2)
                os.kill(os.getpid(), signal.SIGINT)
                return
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            said.seek(0)
            ends[name] = status, said.read().decode()
from omnibuild.cli.main import main
sys.meta_path.insert(0, Interrupting())
sys.argv[1:] = ["why", "nonesuch", "--recipe", "hello"]
status = main()
if os.getpid() == us:
    print(json.dumps([looked_for, ends]), flush=True)
    os.kill(us, signal.SIGINT)
sys.exit(status)
"""


def test_an_interruption_is_no_traceback_whenever_it_comes() -> None:
    # Some of the modules; every one to certify.
    every = max(1, 192 // settings.default.max_examples)
    words = [sys.executable, "-c", PROGRAM, str(every)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    looked_for, ends = json.loads(done.stdout)
    assert {"omnibuild.cli.parser", "omnibuild.cli.commands.why"} <= set(looked_for)
    assert len(ends) == len(looked_for) // every
    for name, (status, said) in ends.items():
        assert status == 130, f"{name}: {said}"
        assert "Traceback" not in said, name
    # After the work, too.
    assert done.returncode == 130
    assert "Traceback" not in done.stderr


def test_another_program_keeps_its_own_handler(capsys: pytest.CaptureFixture[str]) -> None:
    from omnibuild.cli.main import main

    before = signal.getsignal(signal.SIGINT)
    assert main(["why", "nonesuch", "--recipe", "hello"]) == 2
    assert signal.getsignal(signal.SIGINT) is before
    assert "nonesuch" in capsys.readouterr().err


def test_an_interruption_while_a_class_is_made_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    class Field:
        def __set_name__(self, *_: object) -> None:
            raise KeyboardInterrupt

    def work(_: argparse.Namespace) -> int:
        return len(type("Made", (), {"field": Field()}).__name__)

    assert run(argparse.Namespace(run=work, json=False), []) == 130
    assert "Traceback" not in capsys.readouterr().err
