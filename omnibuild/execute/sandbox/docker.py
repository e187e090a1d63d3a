"""docker and podman: one adapter for both, by the API that they share.

For machines where bubblewrap cannot start. A step sees and produces the same: the root is an
image, imported once; layers and prefix are plain directories (:mod:`.union`).
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

from omnibuild.containers import Engine, EngineName, connect
from omnibuild.execute.processes import Processes, Watch, memory_broken
from omnibuild.execute.sandbox.container import Account, Container, Place
from omnibuild.execute.sandbox.images import image_of, remove_orphans
from omnibuild.execute.sandbox.log import Log, open_log
from omnibuild.execute.sandbox.seccomp import profile
from omnibuild.execute.sandbox.step import Step, Usage, step_failed
from omnibuild.execute.sandbox.union import link_layers, union
from omnibuild.plan.graph import Limits
from omnibuild.tools import Tool, describe_status

CLIENTS = {
    "docker": Tool("docker", package="docker.io"),
    "podman": Tool("podman", package="podman"),
}


class Docker:
    """Containers of dockerd or of podman's service, whichever ``name`` says."""

    def __init__(self, name: EngineName = "docker") -> None:
        self.name: str = name
        self._engine_name = name
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def engine(self) -> Engine:
        """Return the engine, found at the first call; raises :class:`SandboxError`."""
        with self._lock:
            if self._engine is None:
                found = connect(self._engine_name)
                remove_orphans(found)
                self._engine = found
            return self._engine

    def run(self, step: Step, log: Path, processes: Processes, limits: Limits) -> Usage:
        """Run a step, as :class:`~omnibuild.execute.sandbox.step.Sandbox` says."""
        with open_log(log, limits.log) as sink, self._place(step) as place:
            with Container.made(self.engine(), step, place, limits) as container:
                usage, failure = _watched(container, sink, processes, limits)
            output = sink.end()
        if not failure:
            return usage
        raise step_failed(step, log, output, failure)

    def enter(self, step: Step) -> int:
        """Give the user a shell, as :class:`~omnibuild.execute.sandbox.step.Sandbox` says."""
        engine = self.engine()
        client = CLIENTS[engine.name]
        client.path()
        where = ["--remote", "--url"] if engine.name == "podman" else ["--host"]
        with (
            self._place(step) as place,
            Container.made(engine, step, place, Limits(), terminal=True) as container,
        ):
            words = ("start", "--attach", "--interactive", container.identity)
            return client.attach(*where, engine.address, *words)

    @contextlib.contextmanager
    def _place(self, step: Step) -> Iterator[Place]:
        """Prepare what a container is made of; afterwards only what the step wrote is left."""
        image = self._image(step)
        with tempfile.TemporaryDirectory(dir=step.build.parent, prefix="sandbox-") as name:
            own = Path(name)
            given = {"empty": own / "empty", "seccomp": own / "seccomp.json"}
            given["empty"].touch()
            given["seccomp"].write_text(json.dumps(profile()))
            if step.upper is not None:
                with union(step.layers, step.upper):
                    yield Place(image, step.upper, read_only=False, **given)
            elif len(step.layers) == 1:
                yield Place(image, step.layers[0], read_only=True, **given)
            else:
                merged = own / "layers"
                merged.mkdir()
                link_layers(step.layers, merged)
                yield Place(image, merged if step.layers else None, read_only=True, **given)

    def _image(self, step: Step) -> str:
        engine = self.engine()
        # Steps start side by side: the first imports the root, the others wait for it.
        with self._lock:
            return image_of(engine, step.root, step.root_identity, step.build.parent)


def _watched(
    container: Container, log: Log, processes: Processes, limits: Limits
) -> tuple[Usage, str]:
    """Start a container and wait for its end; return what it took, and why it failed if it did."""
    with (
        container.started() as output,
        processes.killable(container.kill),
        Watch(container.pid(), limits, container.kill) as watch,
    ):
        account = Account()
        log.take(account.separated(output), container.kill)
        status, refused = container.status()
    usage = Usage(account.cpu_seconds(), watch.memory)
    refused = limits.memory > 0 and (refused or account.lacked_memory())
    broken = log.broken or watch.broken or (memory_broken(limits) if refused else "")
    if broken or not status:
        return usage, broken
    # Without an account process 1 itself was killed.
    return usage, describe_status(status if account.text else 128 - status)
