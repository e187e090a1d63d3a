"""External programs: the only place that starts a process."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from omnibuild.errors import MissingExtraError, MissingToolError, ToolFailedError

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# What a tool sees unless told otherwise: nothing of the user's environment can change its output.
# As root, some would make any other home that does not exist.
CLEAN_ENVIRONMENT = {
    "PATH": SYSTEM_PATH,
    "LC_ALL": "C.UTF-8",
    "TZ": "UTC",
    "HOME": "/proc/nonexistent",
}

TAIL_LINES = 20
# Seconds between two questions whether to go on.
_BETWEEN = 0.2


@dataclass(frozen=True)
class Tool:
    """An external program.

    Args:
        name: the program's name on ``PATH``.
        package: the Debian package that carries it, for the hint when it is missing.
        candidates: absolute paths to try before ``PATH``.
    """

    name: str
    package: str
    candidates: tuple[Path, ...] = field(default=())

    def path(self) -> Path:
        """Return where the program is; raises :class:`MissingToolError`."""
        for candidate in self.candidates:
            if os.access(candidate, os.X_OK):
                return candidate
        found = shutil.which(self.name, path=f"{os.environ.get('PATH', '')}:{SYSTEM_PATH}")
        if found is None:
            raise MissingToolError(
                f"the program {self.name!r} is needed and not installed",
                hint=f"install it, on Debian and Ubuntu: apt-get install {self.package}",
            )
        return Path(found)

    def run(
        self,
        *arguments: str | Path,
        data: bytes | None = None,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        check: bool = True,
        log: IO[bytes] | None = None,
        seconds: float | None = None,
        given_up: Callable[[], bool] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run the program to its end.

        Args:
            arguments: its arguments, without the program's name.
            data: bytes for its standard input (which is empty otherwise).
            environment: its whole environment; :data:`CLEAN_ENVIRONMENT` when omitted.
            directory: its working directory.
            check: raise :class:`ToolFailedError` when it exits with another status than 0.
            log: a stream that takes both its outputs; they are captured otherwise.
            seconds: how long it may take; for ever when omitted.
            given_up: is asked while it runs, and ends it by saying yes.
        """
        command = [str(self.path()), *map(str, arguments)]
        try:
            done = _run(
                command,
                data if data is not None else b"",
                seconds,
                given_up,
                env=dict(environment if environment is not None else CLEAN_ENVIRONMENT),
                cwd=directory,
                stdout=log or subprocess.PIPE,
                stderr=subprocess.STDOUT if log else subprocess.PIPE,
            )
        except subprocess.TimeoutExpired as error:
            raise ToolFailedError(
                f"{self.name} does not end: it was stopped after {seconds:g} s",
                why=f"command: {' '.join(command)}\nin {directory or Path.cwd()}",
                hint="is something there a pipe, or on a disk that does not answer?",
            ) from error
        if check and done.returncode:
            output = (done.stderr or b"") or (done.stdout or b"")
            raise ToolFailedError(
                f"{self.name} failed ({describe_status(done.returncode)})",
                why=f"command: {' '.join(command)}\n{tail(output)}",
            )
        return done

    def start(
        self,
        arguments: Sequence[str | Path],
        *,
        log: IO[bytes] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> subprocess.Popen[bytes]:
        """Start the program in a session of its own; the caller waits.

        Its outputs go to ``log``; without one the caller reads them.
        """
        return subprocess.Popen(
            [str(self.path()), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if log is None else log,
            stderr=subprocess.STDOUT,
            env=dict(CLEAN_ENVIRONMENT),
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )

    def connect(self, arguments: Sequence[str | Path], *, errors: IO[bytes]) -> Connection:
        """Start the program to talk with it: in the user's own environment, which it needs.

        It is in a session of its own: it cannot ask on this terminal, and who interrupts omnibuild
        does not interrupt it.

        Args:
            arguments: its arguments, without the program's name.
            errors: takes its standard error.
        """
        process = subprocess.Popen(
            [str(self.path()), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
        requests, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        return Connection(process, requests, answers)

    def attach(self, *arguments: str | Path) -> int:
        """Run the program on this terminal, for the user to work with; return its status."""
        command = [str(self.path()), *map(str, arguments)]
        return subprocess.run(command, env=dict(CLEAN_ENVIRONMENT), check=False).returncode

    def converse(self, *arguments: str | Path, pass_fds: Sequence[int] = ()) -> int:
        """Like :meth:`attach`, but on a terminal of its own: the program cannot reach this one."""
        command = [str(self.path()), *map(str, arguments)]
        # Few commands need a terminal.
        from omnibuild.tools import terminal

        return terminal.converse(command, CLEAN_ENVIRONMENT, pass_fds)


@dataclass(frozen=True)
class Connection:
    """A program that is talked with: what takes requests, and what gives answers."""

    process: subprocess.Popen[bytes]
    requests: IO[bytes]
    answers: IO[bytes]

    def end(self, seconds: float) -> int:
        """Say no more, and return its status; it is killed when it does not end by itself."""
        with contextlib.suppress(OSError):
            self.requests.close()
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


def _run(
    command: Sequence[str],
    data: bytes,
    seconds: float | None,
    given_up: Callable[[], bool] | None,
    **options: Any,
) -> subprocess.CompletedProcess[bytes]:
    if given_up is None:
        return subprocess.run(command, input=data, check=False, timeout=seconds, **options)
    with subprocess.Popen(command, stdin=subprocess.PIPE, **options) as process:
        rest: bytes | None = data
        try:
            while True:
                try:
                    output, errors = process.communicate(rest, timeout=_BETWEEN)
                    return subprocess.CompletedProcess(command, process.returncode, output, errors)
                except subprocess.TimeoutExpired:
                    rest = None  # what there was to say is on its way
                    if given_up():
                        process.kill()
        except BaseException:
            process.kill()
            raise


def require_library(module: str, extra: str) -> None:
    """Raise :class:`MissingExtraError` when a library is not there that only some need.

    Args:
        module: its name for ``import``.
        extra: which extra of omnibuild brings it.
    """
    try:
        found = importlib.util.find_spec(module)
    except ImportError:
        found = None
    if found is None:
        raise MissingExtraError(
            f"the library {module} is needed and not installed",
            hint=f"install it with omnibuild: pip install 'omnibuild[{extra}]'",
        )


def tail(output: bytes, lines: int = TAIL_LINES) -> str:
    """Return the last lines of a program's output as text."""
    return "\n".join(output.decode("utf-8", "replace").rstrip().splitlines()[-lines:])


def describe_status(status: int) -> str:
    """Say in words how a process ended: its exit status or the signal that killed it."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exit status {status}"
