"""One action being done: what its function gets, and what it has taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from omnibuild.execute.jobserver import ATTACH, JobServer
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox.step import Sandbox, Step, Usage
from omnibuild.plan.graph import Action, Limits, subject
from omnibuild.store.results import Output
from omnibuild.store.store import Store


@dataclass
class Job:
    """What the function of a kind works with.

    Args:
        action: the action to do.
        inputs: role to output, all of them in the store.
        store: where inputs are and the output goes.
        scratch: a private directory on the store's file system, removed afterwards.
        log: the file that takes the action's log.
        cores: how many processes it may keep busy.
        processes: registers what it starts.
        sandbox: isolates its steps.
        jobserver: shares the cores among all steps.
        priority: of the action, when cores are shared.
        limits: what each of its steps may take.
        usage: what its steps have taken so far.
        step: the step that it came to, for who wants to look at what failed.
        progress: takes bytes done and bytes in total (0 when unknown).
    """

    action: Action
    inputs: Mapping[str, Output]
    store: Store
    scratch: Path
    log: Path
    cores: int
    processes: Processes
    progress: Callable[[int, int], None]
    sandbox: Sandbox
    jobserver: JobServer
    priority: float = 0.0
    limits: Limits = field(default_factory=Limits)
    usage: Usage = field(default_factory=Usage)
    step: Step | None = None

    @property
    def subject(self) -> str:
        """What the action is about: the last part of its name."""
        return subject(self.action.name)

    def run(self, step: Step, *, alone: bool = False) -> None:
        """Run a step in the sandbox, within the action's limits; output goes to the log.

        Its jobs are those of the jobserver: a plain ``make`` starts as many as there are cores
        that no other step keeps busy. A step that starts none (``alone``) is lent no core, which
        it would keep another action from for as long as nobody sees that it is not taken.
        """
        self.step = step
        if alone:
            self.usage += self.sandbox.run(step, self.log, self.processes, self.limits)
            return
        step = replace(step, script=f"{ATTACH}{step.script}")
        with self.jobserver.serve(step.build, self.priority):
            self.usage += self.sandbox.run(step, self.log, self.processes, self.limits)

    def blob(self, role: str) -> Path:
        """Return the file of a blob input."""
        return self.store.blob(self.inputs[role].digest)

    def tree(self, role: str) -> Path:
        """Return the directory of a tree input."""
        return self.store.tree_directory(self.inputs[role].digest)

    def roles(self, prefix: str) -> dict[str, Output]:
        """Return the inputs whose role is ``prefix:NAME``, by that name, in order."""
        return {
            role.removeprefix(f"{prefix}:"): output
            for role, output in self.inputs.items()
            if role.startswith(f"{prefix}:")
        }


@dataclass(frozen=True)
class Kind:
    """A kind of action.

    Args:
        serial: part of every key; raise it when ``run`` produces other bytes than before.
        run: does the action and returns its output, which is in the store by then.
        network: whether it fetches; such actions come first, side by side.
    """

    serial: int
    run: Callable[[Job], Output]
    network: bool = False
