"""What an app is on a host, whichever family that is: facts, before anything is written of them.

Units, launchers, scripts and the runner are made from these alone: they know no recipe, and not
which server it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from omnibuild.host.hooks import PREPARING
from omnibuild.host.layout import Layout
from omnibuild.host.programs import Call
from omnibuild.payload.assembly import GeneratedFile
from omnibuild.recipe.models.services import Resources

_FIRST_UNPRIVILEGED_PORT = 1024


@dataclass(frozen=True)
class Certificate:
    """Files of the host, which has a certificate and its key at these paths."""

    path: str
    key: str


@dataclass(frozen=True)
class Process:
    """One long-running process. Each has a launcher ``bin/<app>-<name>``, which all start.

    Args:
        name: ``web``, ``nginx`` or the service's name.
        title: what it is, for the unit's description.
        start: shell that becomes the process; ``$root`` is the app's directory.
        address: where it answers clients; empty for what none connects to.
        redirect: where it answers clients only by the way to that.
        certificate: what ``libexec/tls`` gives it before it starts and reloads.
        is_server: whether it answers requests, be it those of a proxy.
        keeps_sockets: whether systemd keeps its sockets, and is told when they are open.
        reloads: whether it reads its configuration again when told by HUP.
        checks_reload: whether its launcher, asked by the word ``reload``, refuses what it could not
            read.
        judges: whether it ends with the status for a configuration that it cannot read, after which
            systemd does not start it again.
        restart: when systemd starts it again.
        grace: seconds that what it was asked may take when it ends; 0 where nobody knows.
        waits: whether it lets requests take longer than that when it ends: then it is killed.
        quits: whether QUIT is the signal that lets it finish what it does, and TERM does not.
        helpers: programs of hosts that start it, as :func:`omnibuild.host.servers.helper` names
            them.
        underlies: whether all others need it: they start when it answers, and stop before it does.
            Its launcher waits for that when asked by the word ``ready``.
        signal: what tells it to stop.
        alone: shell of the runner that starts it where there is no systemd; empty where there is
            nothing to it but its launcher.
        instances: how often it runs.
        notifies: whether it tells systemd itself when it is ready.
        watchdog: seconds in which it tells systemd that it is well; 0 where it does not.
        resources: how much of a host it may take.
    """

    name: str
    title: str
    start: str
    address: str = ""
    redirect: str = ""
    certificate: Certificate | None = None
    is_server: bool = False
    keeps_sockets: bool = False
    reloads: bool = False
    checks_reload: bool = False
    judges: bool = False
    restart: Literal["on-failure", "always"] = "on-failure"
    grace: int = 0
    waits: bool = False
    quits: bool = False
    helpers: tuple[str, ...] = ()
    underlies: bool = False
    signal: str = "TERM"
    alone: str = ""
    instances: int = 1
    notifies: bool = False
    watchdog: int = 0
    resources: Resources = field(default_factory=Resources)

    @property
    def is_privileged(self) -> bool:
        """Whether it answers at a port that is root's."""
        return any(
            int(address.rpartition(":")[2]) < _FIRST_UNPRIVILEGED_PORT
            for address in (self.address, self.redirect)
            if address
        )


@dataclass(frozen=True)
class Timer:
    """What runs at certain times, and then ends; it has a launcher as processes have.

    Args:
        name: the timer's.
        start: shell that becomes the process.
        calendar: when, in systemd's words.
        persistent: whether what was missed is made up for.
        resources: how much of a host it may take.
    """

    name: str
    start: str
    calendar: str
    persistent: bool
    resources: Resources = field(default_factory=Resources)


@dataclass(frozen=True)
class Command:
    """What people call by a name in ``/usr/bin``.

    Args:
        call: what it runs.
        launcher: path of the launcher, relative to the prefix.
        values: shell expansions, by the name that stands in braces for each in its arguments.
    """

    call: Call
    launcher: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Versioned:
    """Data that only the version can read that wrote them.

    Args:
        name: whose they are; the directory of the app's state that has them.
        version: what this package brings.
        file: says which version wrote them, relative to the directory.
    """

    name: str
    version: str
    file: str


@dataclass(frozen=True)
class HostModel:
    """One app on a host.

    Args:
        layout: its names: directories, user, variables.
        summary: what it is, in a line.
        processes: what runs as long as the app does, in the order it starts.
        timers: what runs at certain times.
        commands: what people call, by the name in ``/usr/bin``.
        environment: the recipe's variables.
        config: the recipe's files for operators, by their path.
        server_config: those that its servers bring.
        hooks: texts by their point.
        told: more variables, whose values are shell.
        versioned: whose data other versions of theirs cannot read.
        shares: whether its build made files below ``share/``, which it is told where to find.
        additions: whether operators may install packages beside it.
        special: files of the recipe that a package manager cannot unpack as they shall be, each as
            ``kind owner group mode capabilities path``; ``-`` where nothing is said.
        applied: files of the recipe that an installation applies as a boot does, to the formats
            whose packages have them; all when empty.
        ghosts: host path of each file that comes into being on hosts, to the formats whose packages
            it goes with; all when empty.
        secrets: what only this host knows: name to the bytes that it is made of, at random; 0 for
            what the operator writes.
        health: path that answers 200 when all is well; empty where nobody says.
        homepage: where to read more.
        version: of the app and its package, as ``1.4-2``.
    """

    layout: Layout
    summary: str
    processes: tuple[Process, ...]
    timers: tuple[Timer, ...]
    commands: Mapping[str, Command]
    environment: Mapping[str, str]
    config: Mapping[str, GeneratedFile]
    server_config: Mapping[str, bytes]
    hooks: Mapping[str, str]
    told: Mapping[str, str] = field(default_factory=dict)
    versioned: tuple[Versioned, ...] = ()
    shares: bool = False
    additions: bool = False
    special: tuple[str, ...] = ()
    applied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ghosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    secrets: Mapping[str, int] = field(default_factory=dict)
    health: str = ""
    homepage: str = ""
    version: str = ""

    @property
    def prepares(self) -> bool:
        """Whether something is to be done before services start."""
        return not self.hooks.keys().isdisjoint(PREPARING)

    @property
    def listen(self) -> str:
        """The address that clients connect to; empty without a web server."""
        return next((one.address for one in self.processes if one.address), "")

    @property
    def starts(self) -> bool:
        """Whether there is anything that somebody could start."""
        return bool(self.processes or self.timers or self.commands or self.additions)

    @property
    def secured(self) -> Process | None:
        """The process that has a certificate of the host."""
        return next((one for one in self.processes if one.certificate), None)

    @property
    def beneath(self) -> tuple[Process, ...]:
        """The processes that all others need."""
        return tuple(process for process in self.processes if process.underlies)

    @property
    def symlinks(self) -> dict[str, str]:
        """Host path to what the symlink says."""
        launchers = {name: command.launcher for name, command in self.commands.items()}
        for process in self.beneath:
            # Operators ask it for backups.
            name = f"{self.layout.app}-{process.name}"
            launchers[name] = f"bin/{name}"
        if self.additions:
            launchers[self.layout.pip] = f"bin/{self.layout.pip}"
        return {
            f"/usr/bin/{name}": f"{self.layout.prefix}/{launcher}"
            for name, launcher in launchers.items()
        }
