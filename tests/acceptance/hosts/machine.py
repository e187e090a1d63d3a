"""One host: an overlay over a cached base tree, in namespaces of its own.

Everything hangs on one process. When that process ends, also because the tests were killed, the
kernel takes the host's processes, mounts and network with it.
"""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from omnibuild.errors import HostError
from omnibuild.tools import SYSTEM_PATH, Tool, tail

NSENTER = Tool("nsenter", "util-linux")
SETPRIV = Tool("setpriv", "util-linux")
TAR = Tool("tar", "tar")
TIMEOUT = Tool("timeout", "coreutils")
SUPERVISOR = Path(__file__).with_name("machine.sh")
CGROUPS = (Path("/sys/fs/cgroup"), Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified"))

START_SECONDS = 90
TIMED_OUT = 124


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


class Host:
    """What all hosts can do. Start one by :class:`HostPool`, which also stops it.

    Args:
        base: the tree it is a clone of; never changed.
        scratch: an empty directory for what the host writes.
        name: its host name.
        binds: directories of this machine and where the host sees them (read-only).
    """

    def __init__(
        self, base: Path, scratch: Path, name: str, binds: Mapping[Path, str] | None = None
    ) -> None:
        self.name = name
        self.base = base
        self.scratch = scratch
        self.logs = [scratch / "console.log"]
        self._binds = dict(binds or {})
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._leader: int | None = None

    def payload(self) -> tuple[str, ...]:
        """Return the arguments of systemd-nspawn that say what the host runs."""
        raise NotImplementedError

    def is_up(self) -> bool:
        """Tell whether the host takes commands."""
        raise NotImplementedError

    def start(self) -> None:
        """Switch the host on and wait until it takes commands."""
        for name in ("upper", "work", "root"):
            (self.scratch / name).mkdir(exist_ok=True)
        # The signal at the parent's death is per thread: start hosts from the main thread.
        command: list[str | Path] = [
            *("--pdeathsig", "KILL", "--", "unshare", "--mount", "--net", "--pid", "--fork"),
            *("--kill-child=KILL", "--mount-proc", "--", "sh", SUPERVISOR),
            *(self.base, self.scratch, self.scratch.name, f"--machine={self.name}"),
            *(f"--bind-ro={source}:{target}" for source, target in self._binds.items()),
            *self.payload(),
        ]
        with self.logs[0].open("ab") as console:
            self._supervisor = SETPRIV.start(command, log=console)
        self.wait_until_up()

    def wait_until_up(self) -> None:
        """Wait until the host takes commands; raises at once when it has died."""

        def up_or_dead() -> bool:
            self._leader = find_leader(self.supervisor.pid)
            dead = self.supervisor.poll() is not None
            return dead or (self._leader is not None and self.is_up())

        eventually(up_or_dead, f"host {self.name} is up", seconds=START_SECONDS)
        if self.supervisor.poll() is not None:
            raise HostError(f"host {self.name} did not start", why=self.diagnostics())

    def stop(self) -> None:
        """Cut the power: every process and mount of the host is gone afterwards."""
        if self._supervisor is not None:
            self._supervisor.kill()
            self._supervisor.wait()
        self._supervisor = self._leader = None
        remove_cgroups(self.scratch.name)

    @property
    def supervisor(self) -> subprocess.Popen[bytes]:
        """The process of this machine that the host hangs on."""
        if self._supervisor is None:
            raise HostError(f"host {self.name} is not running")
        return self._supervisor

    @property
    def leader(self) -> int:
        """The host's process 1 as this machine numbers it; another one after each boot."""
        if self._leader is None:
            raise HostError(f"host {self.name} is down")
        return self._leader

    def run(
        self,
        *command: str | Path,
        user: str = "root",
        environment: Mapping[str, str] | None = None,
        directory: str = "/",
        data: bytes | str | None = None,
        check: bool = True,
        timeout: float = 300,
    ) -> Done:
        """Run a command on the host, in a login's environment and with an empty standard input."""
        variables = {"PATH": SYSTEM_PATH, "LC_ALL": "C.UTF-8", "TERM": "dumb", "HOME": "/root"}
        variables |= environment or {}
        become: list[str] = []
        if user != "root":
            variables |= {"USER": user, "LOGNAME": user, "HOME": self.home_of(user)}
            become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--"]
        settings = [f"{key}={value}" for key, value in variables.items()]
        return self.enter(
            ("--mount", "--uts", "--ipc", "--net", "--pid"),
            ("env", "-i", f"--chdir={directory}", *settings, *become, *command),
            target=self.leader,
            data=data.encode() if isinstance(data, str) else data,
            check=check,
            timeout=timeout,
        )

    def shell(self, script: str, *, user: str = "root", check: bool = True) -> Done:
        """Run lines of shell on the host; the first that fails ends it."""
        return self.run("sh", "-euc", script, user=user, check=check)

    def enter(
        self,
        namespaces: tuple[str, ...],
        command: tuple[str | Path, ...],
        *,
        target: int,
        data: bytes | None = None,
        check: bool = True,
        timeout: float = 300,
    ) -> Done:
        """Run a command of this machine, or of the host, in some of a process's namespaces."""
        finished = TIMEOUT.run(
            *("--kill-after=5", f"{timeout:g}", NSENTER.path()),
            *(f"--target={target}", *namespaces, "--", *command),
            data=data,
            check=False,
        )
        done = Done(
            finished.returncode,
            finished.stdout.decode("utf-8", "replace"),
            finished.stderr.decode("utf-8", "replace"),
        )
        if done.status == TIMED_OUT or (check and done.status):
            said = f"{' '.join(map(str, command))}\n{done.output}"
            raise CommandFailedError(f"{self.name}: status {done.status} from {said}")
        return done

    def home_of(self, user: str) -> str:
        """Return a user's home directory."""
        for line in self.read("/etc/passwd").splitlines():
            fields = line.split(":")
            if fields[0] == user:
                return fields[5]
        raise CommandFailedError(f"{self.name}: there is no user {user}")

    def add_user(self, name: str, home: str) -> None:
        """Create an ordinary user, with a shell and without any privilege."""
        self.run(
            *("useradd", "--create-home", "--home-dir", home, "--shell", "/bin/sh"),
            *("--user-group", name),
        )

    def read(self, path: str) -> str:
        """Return a file's text."""
        return self.run("cat", "--", path).stdout

    def write(self, path: str, content: bytes | str, mode: int = 0o644) -> None:
        """Write a file and the directories above it."""
        script = 'mkdir -p -- "$(dirname -- "$1")" && cat >"$1" && chmod "$2" -- "$1"'
        self.run("sh", "-euc", script, "write", path, f"{mode:o}", data=content)

    def copy(self, source: Path, destination: str) -> None:
        """Copy a file or directory of this machine to the path ``destination``, owned by root."""
        if not source.is_dir():
            self.write(destination, source.read_bytes(), source.stat().st_mode & 0o7777)
            return
        packed = TAR.run("--create", "--owner=0", "--group=0", f"--directory={source}", ".").stdout
        self.run("mkdir", "--parents", "--", destination)
        self.run("tar", "--extract", f"--directory={destination}", data=packed)

    def exists(self, path: str) -> bool:
        """Tell whether there is something at ``path``, also a dangling link."""
        return self.run("sh", "-c", '[ -e "$1" ] || [ -L "$1" ]', "", path, check=False).status == 0

    def paths(self) -> frozenset[str]:
        """Return every path on the host's disk: compare two to see what was left behind."""
        return frozenset(self.run("find", "/", "-xdev").stdout.splitlines())

    def listening(self) -> frozenset[str]:
        """Return the addresses that TCP services listen on, such as ``127.0.0.1:8080``."""
        done = self.on_network("ss", "--listening", "--tcp", "--numeric", "--no-header")
        return frozenset(line.split()[3] for line in done.stdout.splitlines())

    def fetch(self, url: str, *options: str) -> Response:
        """Request ``url`` from the host's own network by this machine's curl."""
        done = self.on_network(
            *("curl", "--silent", "--show-error", "--max-time", "30"),
            *("--write-out", "\n%{http_code}", *options, "--", url),
        )
        body, _, status = done.stdout.rpartition("\n")
        return Response(int(status), body)

    def on_network(self, *command: str | Path, check: bool = True) -> Done:
        """Run a program of this machine that sees the network as the host does."""
        return self.enter(("--net",), command, target=self.keeper(), check=check)

    def keeper(self) -> int:
        """Return the process that holds the host's network and disk, also while it reboots."""
        return children(self.supervisor.pid)[0]

    def diagnostics(self) -> str:
        """Return what helps to understand a failure: consoles and logs."""
        return "\n".join(
            f"-- {log.name}\n{tail(log.read_bytes(), 60)}" for log in self.logs if log.exists()
        )


class ChrootHost(Host):
    """A host without systemd, like an image build's: nothing runs but the test's commands."""

    def payload(self) -> tuple[str, ...]:
        """Return a process that says it is ready and then only waits."""
        return ("--as-pid2", "--console=pipe", "sh", "-c", "echo ready; exec sleep infinity")

    def is_up(self) -> bool:
        """Tell whether the waiting process has been started."""
        return b"ready\n" in self.logs[0].read_bytes()


class BootedHost(Host):
    """A host whose process 1 is systemd: services, users, the journal and reboots are real."""

    def payload(self) -> tuple[str, ...]:
        """Return the boot of the host's own init."""
        return ("--boot",)

    def is_up(self) -> bool:
        """Tell whether the boot is finished, with or without failed units."""
        return self.state() in ("running", "degraded")

    def state(self) -> str:
        """Return systemd's word for the whole host, ``running`` when all is well."""
        return self.run("systemctl", "is-system-running", check=False).stdout.strip()

    def reboot(self) -> None:
        """Shut down in order and boot again, keeping the disk."""
        leader = self.leader
        self.run("systemctl", "reboot")
        eventually(lambda: not is_alive(leader), f"{self.name} is down", seconds=START_SECONDS)
        self.wait_until_up()

    def power_off(self) -> None:
        """Shut down in order; the host is gone afterwards."""
        self.run("systemctl", "poweroff")
        self.supervisor.wait(START_SECONDS)
        self._leader = None

    def unit(self, name: str) -> dict[str, str]:
        """Return a unit's properties, such as ``ActiveState`` and ``MainPID``."""
        lines = self.run("systemctl", "show", "--", name).stdout.splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def user_of(self, service: str) -> str:
        """Return the user that the main process of a running service belongs to."""
        pid = self.unit(service)["MainPID"]
        return self.run("stat", "--format=%U", f"/proc/{pid}").stdout.strip()

    def journal(self, *options: str) -> str:
        """Return the journal of this boot, or what ``options`` of journalctl select."""
        return self.run("journalctl", "--boot", "--no-pager", *options, check=False).output

    def diagnostics(self) -> str:
        """Return the console, the failed units and the journal's end."""
        parts = [super().diagnostics()]
        if self._leader is not None and is_alive(self._leader):
            failed = self.run("systemctl", "--failed", "--no-pager", check=False).output
            parts += ["-- failed units", failed, "-- journal", self.journal("--lines=150")]
        return "\n".join(parts)


def find_leader(supervisor: int) -> int | None:
    """Return the process below ``supervisor`` that is number 1 of a host's own namespace."""
    pending = children(supervisor)
    while pending:
        pid = pending.pop()
        numbers = namespace_pids(pid)
        # Numbered here, in the supervisor's namespace, and in the host's.
        if len(numbers) == 3 and numbers[-1] == 1:
            return pid
        pending += children(pid)
    return None


def is_alive(pid: int) -> bool:
    """Tell whether a process still exists."""
    return Path(f"/proc/{pid}").exists()


def children(pid: int) -> list[int]:
    """Return the processes that ``pid`` has started; none when it is gone."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def namespace_pids(pid: int) -> list[int]:
    """Return a process's number in each process namespace from ours inwards."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return [int(word) for word in line.split()[1:]]
    return []


def remove_cgroups(name: str) -> None:
    """Remove the control groups of a host that has ended."""
    for top in (hierarchy / name for hierarchy in CGROUPS):

        def removed(top: Path = top) -> bool:
            # The kernel frees a killed process's group a little later.
            try:
                for group in [*sorted(top.rglob("*/"), reverse=True), top]:
                    if group.is_dir():
                        group.rmdir()
            except FileNotFoundError:
                return True
            except OSError:
                return False
            return True

        eventually(removed, f"control group {top} is empty")
