"""What commands and requests on a host come to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


class CommandFailedError(AssertionError):
    """A command on a host did not do what the test needs; the message shows all it said."""


@dataclass(frozen=True)
class Done:
    """A finished command on a host."""

    status: int
    stdout: str
    stderr: str

    @property
    def output(self) -> str:
        """Both outputs, for messages and searches."""
        return self.stdout + self.stderr


@dataclass(frozen=True)
class Response:
    """A web server's answer."""

    status: int
    body: str


def eventually(
    condition: Callable[[], bool], what: str, *, seconds: float = 30, pause: float = 0.02
) -> None:
    """Wait until ``condition`` holds; raises :class:`CommandFailedError` when it never does."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise CommandFailedError(f"waited {seconds:g} seconds in vain until {what}")
        time.sleep(pause)
