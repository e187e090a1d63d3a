"""What external programs see of this machine."""

import time

import pytest

from omnibuild.errors import ToolFailedError
from omnibuild.tools import Tool


def test_no_program_can_make_the_home_it_is_given() -> None:
    done = Tool("sh", "dash").run("-c", 'mkdir -p "$HOME/.config"; ls -d "$HOME"', check=False)
    assert done.returncode
    assert done.stderr.count(b"No such file or directory") == 2


def test_a_program_ends_when_nobody_waits_any_more() -> None:
    began = time.monotonic()
    with pytest.raises(ToolFailedError, match="killed by SIGKILL"):
        Tool("sleep", "coreutils").run("60", given_up=lambda: True)
    assert time.monotonic() - began < 30


def test_a_program_that_ends_by_itself_says_all_it_had_to() -> None:
    done = Tool("cat", "coreutils").run(data=b"x" * 1_000_000, given_up=lambda: False)
    assert len(done.stdout) == 1_000_000
