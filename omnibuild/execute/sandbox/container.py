"""One step as a container: what dockerd or podman is told, and what it tells."""

from __future__ import annotations

import contextlib
import re
import resource
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omnibuild.containers import Engine, engine_errors, printed_by
from omnibuild.errors import SandboxError
from omnibuild.execute.sandbox.owners import this_process
from omnibuild.execute.sandbox.step import BUILD_DIRECTORY, SHELL, Step
from omnibuild.plan.graph import Limits

if TYPE_CHECKING:
    from docker import APIClient

OWNER_LABEL = "omnibuild.owner"

# More than any build needs, less than hurts the machine.
MOST_PROCESSES = 16384
MOST_FILES = 1 << 20

# Process 1 inside. It reaps orphans, as an init does. All that the step prints goes to the first
# stream; the second takes the account: what its processes took, and whether the kernel ended any
# for want of memory (engines tell it only of the first process), for cgroups of both versions.
SUPERVISOR = """
"$@" 2>&1
status=$?
times >&2
for events in /sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control; do
    [ ! -r "$events" ] || while read -r line; do echo "$line" >&2; done < "$events"
done
exit "$status"
"""

# What an engine would put in place of the root's own.
OWN_FILES = ("etc/hosts", "etc/hostname", "etc/resolv.conf")
OWN_DIRECTORIES = ("run", "var/tmp")

# The number of a stream, and what came from it.
Printed = tuple[int, bytes]

STEP_STREAM = 1
WATCHED_STREAMS = {"stream": 1, "stdout": 1, "stderr": 1}

OOM_KILLS = re.compile(rb"^oom_kill [1-9]", re.MULTILINE)

# Bytes; a step can find the stream that takes it.
LONGEST_ACCOUNT = 1 << 16

# Of no step's making, for sure, is only that these are numbers, and not for ever.
MINUTES_AND_SECONDS = re.compile(rb"(?<!\d)(\d{1,9})m(\d{1,2}(?:\.\d{1,9})?)s")


@dataclass(frozen=True)
class Place:
    """What a container of a step is made of, besides the step.

    Args:
        image: the engine's name of the root.
        prefix: directory seen at the step's prefix; none: what the root has there.
        read_only: whether it cannot be written.
        empty: an empty file.
        seccomp: a file with the profile of system calls.
    """

    image: str
    prefix: Path | None
    read_only: bool
    empty: Path
    seccomp: Path


def command(step: Step, words: tuple[str, ...]) -> list[str]:
    """Return a command with exactly the step's environment: engines add to what they are told."""
    pairs = (f"{name}={value}" for name, value in sorted(step.environment.items()))
    return ["env", "-i", *pairs, *words]


def supervised(step: Step) -> list[str]:
    """Return the command that runs a step."""
    return command(step, ("/bin/sh", "-c", SUPERVISOR, "sh", *SHELL, step.script))


class Container:
    """A container that runs one command; use it as a context: it is removed at the end."""

    def __init__(self, engine: Engine, client: APIClient, identity: str) -> None:
        self.identity = identity
        self._engine = engine
        self._client = client

    @classmethod
    @contextlib.contextmanager
    def made(
        cls, engine: Engine, step: Step, place: Place, limits: Limits, *, terminal: bool = False
    ) -> Iterator[Container]:
        """Make a container for a step, not started; it is removed after the block.

        Args:
            engine: where.
            step: what it sees.
            place: what it is made of.
            limits: what it may take.
            terminal: whether it gets a shell on a terminal instead of the step's script.
        """
        with engine.client() as client:
            with engine_errors(f"{engine.name} cannot make a container"):
                made = client.create_container(
                    **_configuration(engine, step, place, terminal),
                    host_config=client.create_host_config(
                        **_confinement(engine, step, place, limits)
                    ),
                )
            container = cls(engine, client, made["Id"])
            try:
                yield container
            finally:
                with engine_errors(f"{engine.name} cannot remove a container"):
                    client.remove_container(container.identity, force=True, v=True)

    @contextlib.contextmanager
    def started(self) -> Iterator[Iterator[Printed]]:
        """Start it; yield what it prints to its two streams, until it ends."""
        with engine_errors(f"{self._engine.name} cannot start a container"):
            # Before the start, so that nothing is missed.
            stream = self._client.attach_socket(self.identity, WATCHED_STREAMS)
            self._client.start(self.identity)
        try:
            yield printed_by(stream)
        finally:
            # The socket is the connection's: only its response lets go of it.
            stream._response.close()

    def pid(self) -> int:
        """Return the number of its first process on this machine, 0 when it has ended."""
        with engine_errors(f"{self._engine.name} does not know its container"):
            return int(self._client.inspect_container(self.identity)["State"]["Pid"])

    def kill(self) -> None:
        """End all its processes, if there are any; from any thread."""
        # Nobody waits for an answer: what goes wrong here also ends the stream of its output.
        with (
            contextlib.suppress(SandboxError),
            engine_errors("it cannot be ended"),
            self._engine.client() as client,
        ):
            client.kill(self.identity)

    def status(self) -> tuple[int, bool]:
        """Wait until it has ended; return its exit status, and whether memory was refused."""
        with engine_errors(f"{self._engine.name} lost its container"):
            self._client.wait(self.identity)
            state = self._client.inspect_container(self.identity)["State"]
            return int(state["ExitCode"]), bool(state.get("OOMKilled"))


class Account:
    """What the supervisor tells of a step, taken out of what its container prints."""

    def __init__(self) -> None:
        self.text = b""

    def separated(self, output: Iterable[Printed]) -> Iterator[bytes]:
        """Yield what the step prints, as it comes."""
        for stream, text in output:
            if stream == STEP_STREAM:
                yield text
            elif len(self.text) < LONGEST_ACCOUNT:
                self.text += text

    def cpu_seconds(self) -> float:
        """Return the CPU seconds it took, 0 when the supervisor did not come to it."""
        found = MINUTES_AND_SECONDS.findall(self.text)
        return sum(60 * int(minutes) + float(seconds) for minutes, seconds in found)

    def lacked_memory(self) -> bool:
        """Tell whether the kernel ended a process of it for want of memory."""
        return OOM_KILLS.search(self.text) is not None


def _configuration(engine: Engine, step: Step, place: Place, terminal: bool) -> Mapping[str, Any]:
    """Return what runs in a container, and as whom."""
    user, group = engine.user()
    return {
        "image": place.image,
        "entrypoint": command(step, ("/bin/sh",)) if terminal else supervised(step),
        "hostname": "build",
        "user": f"{user}:{group}",
        "working_dir": step.directory,
        "labels": {OWNER_LABEL: str(this_process())},
        "tty": terminal,
        "stdin_open": terminal,
        "use_config_proxy": False,
    }


def _confinement(engine: Engine, step: Step, place: Place, limits: Limits) -> Mapping[str, Any]:
    """Return what keeps a step apart from everything else."""
    options: dict[str, Any] = {
        "network_mode": "none",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", *_filter(engine, place)],
        "read_only": True,
        # Engines forbid programs there unless told otherwise; configure scripts run some.
        "tmpfs": {"/tmp": f"rw,exec,mode=1777{_size(limits)}"},  # noqa: S108 - inside
        "mounts": list(_mounts(step, place)),
        # The log is ours: the engine need not keep another one.
        "log_config": {"Type": "none"},
        # As in every other sandbox; an engine's own may be more than this machine can give.
        "ulimits": [_ulimit("nofile", MOST_FILES), _ulimit("nproc", MOST_PROCESSES)],
    }
    if engine.limits:
        options["pids_limit"] = MOST_PROCESSES
        if limits.memory:
            options |= {"mem_limit": limits.memory, "memswap_limit": limits.memory}
    return options


def _filter(engine: Engine, place: Place) -> Iterator[str]:
    """Yield what refuses system calls, where the engine's own filter does not."""
    if not engine.filters:
        # docker takes the text, podman its place.
        yield f"seccomp={place.seccomp if engine.name == 'podman' else place.seccomp.read_text()}"


def _size(limits: Limits) -> str:
    return f",size={limits.memory}" if limits.memory else ""


def _mounts(step: Step, place: Place) -> Iterator[dict[str, Any]]:
    yield _bind(step.build, BUILD_DIRECTORY)
    if place.prefix:
        yield _bind(place.prefix, step.prefix, read_only=place.read_only)
    root = step.root.resolve()
    for name in OWN_FILES:
        own = _is_own(root, name) and (root / name).is_file()
        yield _bind(root / name if own else place.empty, f"/{name}", read_only=True)
    for name in OWN_DIRECTORIES:
        if _is_own(root, name) and (root / name).is_dir():
            yield _bind(root / name, f"/{name}", read_only=True)


def _is_own(root: Path, name: str) -> bool:
    """Tell whether no symlink of the root leads from that name to something of this machine."""
    return (root / name).resolve() == root / name


def _bind(source: Path, target: str, *, read_only: bool = False) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": read_only}


def _ulimit(name: str, most: int) -> dict[str, Any]:
    """Return the limit of this process, but at most ``most``."""
    own = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))
    soft, hard = (most if n == resource.RLIM_INFINITY else min(n, most) for n in own)
    return {"Name": name, "Soft": soft, "Hard": hard}
