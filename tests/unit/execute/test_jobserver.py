"""Tokens: never more at work than cores, none lost, whatever steps do with theirs."""

import os
import time
from pathlib import Path

import pytest

from omnibuild.execute.jobserver import FIFO_NAME, JobServer


class Step:
    """The other end of a FIFO, as a make has it."""

    def __init__(self, directory: Path) -> None:
        self.descriptor = os.open(directory / FIFO_NAME, os.O_RDWR | os.O_NONBLOCK)
        self.held = 0

    def take(self) -> bool:
        try:
            self.held += len(os.read(self.descriptor, 1))
        except BlockingIOError:
            return False
        return True

    def take_soon(self) -> bool:
        return soon(self.take)

    def give_back(self) -> None:
        os.write(self.descriptor, b"+")
        self.held -= 1


def soon(condition: object, seconds: float = 10) -> bool:
    """Wait until something is so; a test fails by what is not so in the end, not by the time."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.005)
    return False


@pytest.fixture
def directories(tmp_path: Path) -> list[Path]:
    made = [tmp_path / "a", tmp_path / "b"]
    for directory in made:
        directory.mkdir()
    return made


def test_a_step_alone_is_lent_all_tokens_but_its_own(directories: list[Path]) -> None:
    with JobServer(4) as server:
        assert server.acquire([1.0] * 1) == 1
        with server.serve(directories[0]):
            step = Step(directories[0])
            assert all(step.take_soon() for _ in range(3))
            assert not soon(step.take, 0.2)


def test_actions_never_take_more_tokens_than_there_are(directories: list[Path]) -> None:
    with JobServer(2) as server:
        assert server.acquire([1.0] * 5) == 2
        assert server.acquire([1.0] * 3) == 0
        server.release()
        assert server.acquire([1.0] * 3) == 1


def test_a_waiting_action_claims_a_token_when_it_comes_back(directories: list[Path]) -> None:
    with JobServer(2) as server:
        server.acquire([1.0] * 1)
        with server.serve(directories[0]):
            step = Step(directories[0])
            assert step.take_soon()
            assert server.acquire([1.0] * 1) == 0
            step.give_back()
            assert soon(lambda: server.acquire([1.0] * 1) == 1)
            assert not soon(step.take, 0.2)


def test_an_idle_token_moves_to_the_step_that_wants_it(directories: list[Path]) -> None:
    with JobServer(3) as server:
        server.acquire([1.0] * 2)
        with server.serve(directories[0]), server.serve(directories[1]):
            busy = Step(directories[1])
            # The first step never takes what it is offered.
            assert busy.take_soon()


def test_what_a_killed_step_held_comes_back(directories: list[Path]) -> None:
    with JobServer(3) as server:
        server.acquire([1.0] * 1)
        with server.serve(directories[0]):
            step = Step(directories[0])
            assert step.take_soon()
            assert step.take_soon()
        server.release()
        assert server.acquire([1.0] * 3) == 3


def test_a_step_cannot_make_tokens(directories: list[Path]) -> None:
    with JobServer(2) as server:
        server.acquire([1.0] * 1)
        with server.serve(directories[0]):
            step = Step(directories[0])
            os.write(step.descriptor, b"+" * 100)
            assert soon(lambda: server.acquire([1.0] * 1) == 1)
            assert server.acquire([1.0] * 5) == 0


def test_a_more_urgent_step_keeps_what_it_uses(directories: list[Path]) -> None:
    with JobServer(2) as server:
        server.acquire([9.0])
        with server.serve(directories[0], priority=9.0):
            step = Step(directories[0])
            assert step.take_soon()
            step.give_back()
            assert step.take_soon()
            assert not soon(lambda: server.acquire([1.0]), 0.5)
            # What it leaves untaken for a while goes to the action that waits.
            step.give_back()
            assert soon(lambda: server.acquire([1.0]) == 1)


def test_a_more_urgent_action_comes_before_further_jobs(directories: list[Path]) -> None:
    with JobServer(2) as server:
        server.acquire([1.0])
        with server.serve(directories[0], priority=1.0):
            step = Step(directories[0])
            assert step.take_soon()
            assert server.acquire([9.0]) == 0
            step.give_back()
            assert soon(lambda: server.acquire([9.0]) == 1)
