"""Which sandbox a run uses."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from omnibuild.containers import ENGINES
from omnibuild.errors import MissingExtraError, SandboxError
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox.bubblewrap import Bubblewrap, require_namespaces
from omnibuild.execute.sandbox.step import Sandbox, Step, Usage
from omnibuild.plan.graph import Limits
from omnibuild.settings import SandboxName


def choose_sandbox(name: SandboxName = "auto") -> Sandbox:
    """Return the sandbox of that name; ``auto``: the first that this machine can start.

    Nothing is started or looked for before a step must run.
    """
    match name:
        case "auto":
            return Automatic()
        case "bubblewrap":
            return Bubblewrap()
        case "docker" | "podman":
            from omnibuild.execute.sandbox.docker import Docker

            return Docker(name)


class Automatic:
    """bubblewrap where the kernel lets it start, else docker, else podman."""

    name = "auto"

    @cached_property
    def chosen(self) -> Sandbox:
        """What was chosen, when the first step runs.

        Raises:
            SandboxError: nothing can isolate a step here.
        """
        try:
            require_namespaces()
        except SandboxError as error:
            return _engine(error)
        return Bubblewrap()

    def run(self, step: Step, log: Path, processes: Processes, limits: Limits) -> Usage:
        """Run a step, as :class:`~omnibuild.execute.sandbox.step.Sandbox` says."""
        return self.chosen.run(step, log, processes, limits)

    def enter(self, step: Step) -> int:
        """Give the user a shell, as :class:`~omnibuild.execute.sandbox.step.Sandbox` says."""
        return self.chosen.enter(step)


def _engine(refused: SandboxError) -> Sandbox:
    from omnibuild.execute.sandbox.docker import Docker

    tried = []
    for name in ENGINES:
        sandbox = Docker(name)
        try:
            sandbox.engine()
        except (SandboxError, MissingExtraError) as error:
            tried.append(f"{name}: {error.what}: {error.why or error.hint}")
        else:
            return sandbox
    raise SandboxError(
        refused.what,
        why="\n".join([refused.why, *tried]),
        hint=f"{refused.hint}; or start docker or podman: steps run there, too",
    ) from refused
