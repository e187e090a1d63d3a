"""One isolated step as data, and what every kind of sandbox can do with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from omnibuild.errors import StepError
from omnibuild.execute.processes import Processes
from omnibuild.plan.graph import Limits
from omnibuild.tools import tail

# Inside every sandbox; roots have this mount point.
BUILD_DIRECTORY = "/build"

SHELL = ("/bin/sh", "-eu", "-c")

LOG_TAIL = 30


@dataclass(frozen=True)
class Step:
    """Shell text and all that it can see.

    Args:
        what: names the step in an error.
        script: text for ``sh -eu``.
        root: directory of the root file system, seen read-only.
        root_identity: digest that stands for the root.
        build: directory seen as ``/build``, where the step may write.
        prefix: where components live, as ``/omb/omb/…``.
        layers: directories seen merged at ``prefix``, later ones above earlier ones.
        upper: directory that takes what is written below ``prefix``; none: read-only.
        work: an empty directory beside ``upper``, for the sandbox's own use.
        environment: the whole environment of the step.
        directory: its working directory.
    """

    what: str
    script: str
    root: Path
    root_identity: str
    build: Path
    prefix: str
    layers: tuple[Path, ...] = ()
    upper: Path | None = None
    work: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = BUILD_DIRECTORY


@dataclass(frozen=True, slots=True)
class Usage:
    """What a step took: CPU seconds of all its processes, and the peak of memory in bytes.

    The peak is that of all processes together as often as it was looked at; 0: not known.
    """

    cpu: float = 0.0
    memory: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.cpu + other.cpu, max(self.memory, other.memory))


class Sandbox(Protocol):
    """A way to isolate one step; whichever it is, the step sees and produces the same."""

    name: str

    def run(self, step: Step, log: Path, processes: Processes, limits: Limits) -> Usage:
        """Run a step to its end, its output appended to ``log``.

        Args:
            step: what to run.
            log: takes what it prints.
            processes: registers it, so that it can be cancelled.
            limits: what it may take; beyond that it is ended.

        Raises:
            StepError: it failed, or went beyond a limit.
            SandboxError: this machine cannot isolate it.
        """

    def enter(self, step: Step) -> int:
        """Give the user a shell on this terminal in the step's place; return its status."""


def step_failed(step: Step, log: Path, output: bytes, reason: str) -> StepError:
    """Return the error for a step that did not end well."""
    return StepError(
        f"{step.what} failed ({reason})",
        why=f"{tail(output, LOG_TAIL)}\nwhole log: {log}",
        hint="correct the steps, then build again: what is finished is kept",
    )
