"""One host: an overlay over a cached base tree, in namespaces of its own.

Everything hangs on one process. When that process ends, also because the tests were killed, the
kernel takes the host's processes, mounts and network with it.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from omnibuild.errors import HostError
from omnibuild.tools import SYSTEM_PATH, Tool, tail
from tests.acceptance.hosts.namespaces import children, find_leader, remove_cgroups
from tests.acceptance.hosts.outcome import CommandFailedError, Done, Response, eventually

NSENTER = Tool("nsenter", "util-linux")
SETPRIV = Tool("setpriv", "util-linux")
TAR = Tool("tar", "tar")
TIMEOUT = Tool("timeout", "coreutils")
SUPERVISOR = Path(__file__).with_name("machine.sh")

START_SECONDS = 90
TIMED_OUT = 124


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
