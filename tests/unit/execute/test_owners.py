from __future__ import annotations

import subprocess
from dataclasses import replace

from omnibuild.execute.sandbox.owners import Owner, this_process


def test_this_process_is_here() -> None:
    owner = this_process()
    assert Owner.parse(str(owner)) == owner
    assert owner.is_gone() is False


def test_a_process_that_ended_is_gone() -> None:
    process = subprocess.Popen(["sleep", "0"])
    ended = replace(this_process(), pid=process.pid)
    process.wait()
    assert ended.is_gone() is True


def test_a_number_that_is_used_again_is_another_process() -> None:
    assert replace(this_process(), started="1").is_gone() is True


def test_nobody_outlives_a_boot() -> None:
    assert replace(this_process(), boot="another").is_gone() is True


def test_processes_of_another_space_are_not_judged() -> None:
    assert replace(this_process(), space="pid:[1]").is_gone() is None


def test_a_label_of_somebody_else_is_no_owner() -> None:
    assert Owner.parse("") is None
    assert Owner.parse("a b c d") is None
