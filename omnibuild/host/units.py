"""systemd units: one target for the app, one service for each process, two units for each timer.

They are in /usr/lib/systemd/system, which systemd and Debian's helpers read on every host, also
where /lib is a directory of its own. Only the target is enabled; it wants the services and timers.
So one ``systemctl`` command acts on the whole app, and an operator masks a unit to do without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omnibuild.host.layout import Layout
from omnibuild.host.model import HostModel, Process, Timer
from omnibuild.host.servers import certificates
from omnibuild.host.template import render

DIRECTORY = "/usr/lib/systemd/system"
# Below libexec: what services call besides their launcher.
HELPER = "unit"

# What no app needs; a drop-in takes back what one app does. Memory that is written and executed
# stays allowed: cffi and just-in-time compilers need it.
_HARDENING = (
    "NoNewPrivileges=yes",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "ProtectProc=invisible",
    "ProtectClock=yes",
    "ProtectControlGroups=yes",
    "ProtectHostname=yes",
    "ProtectKernelLogs=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "PrivateDevices=yes",
    "PrivateTmp=yes",
    "LockPersonality=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "UMask=0027",
)


@dataclass(frozen=True)
class UnitNames:
    """The units of an app; all empty for one that runs nothing by itself.

    Args:
        target: the one that is enabled.
        services: of processes, in their order.
        timers: which the target starts, too; what watches certificates is the last of them.
        jobs: what these start, in the same order.
    """

    target: str = ""
    services: tuple[str, ...] = ()
    timers: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()

    @property
    def started(self) -> tuple[str, ...]:
        """What the target starts."""
        return self.services + self.timers


def unit_names(model: HostModel) -> UnitNames:
    """Return the names of all units."""
    if not model.processes and not model.timers:
        return UnitNames()
    return UnitNames(
        target=f"{model.layout.unit}.target",
        services=tuple(_name(model.layout, process.name) for process in model.processes),
        timers=(
            *(_name(model.layout, timer.name, "timer") for timer in model.timers),
            *((certificates.watch(model.layout),) if model.secured else ()),
        ),
        jobs=(
            *(_name(model.layout, timer.name) for timer in model.timers),
            *((certificates.renewal(model.layout),) if model.secured else ()),
        ),
    )


def units(model: HostModel) -> dict[str, str]:
    """Return every unit by its file name; none for an app that runs nothing by itself."""
    names = unit_names(model)
    if not names.target:
        return {}
    services = list(zip(names.services, model.processes, strict=True))
    # Each of the servers is in front of those before it.
    servers = [(name, process.grace) for name, process in services if process.is_server]
    beneath = [name for name, process in services if process.underlies]
    texts = {names.target: _target(model.summary, names.started)}
    for name, process in services:
        around = _Around(names.target, beneath=() if process.underlies else beneath)
        if process.is_server:
            place = servers.index((name, process.grace))
            around = _Around(
                names.target,
                [_longer(unit, grace + 10, 40) for unit, grace in servers[:place]],
                [_longer(unit, grace + 5, 25) for unit, grace in servers[place + 1 :]],
                beneath,
            )
        texts[name] = _service(model.layout, process, around)
    for name, job, timer in zip(names.timers, names.jobs, model.timers, strict=False):
        texts[name] = _timer(model.layout, timer, names.target)
        texts[job] = _job(model.layout, timer, _Around(names.target, beneath=beneath))
    if secured := model.secured:
        renewed = certificates.units(model.layout, secured, _name(model.layout, secured.name))
        texts |= {name: _sections(sections) for name, sections in renewed.items()}
    return texts


def _longer(words: str, seconds: int, usual: int) -> str:
    """Return words for ``libexec/unit``, which waits for a usual time, in tenths of a second."""
    return f"{words} {seconds * 10}" if seconds > usual else words


def _name(layout: Layout, name: str, kind: str = "service") -> str:
    return f"{layout.unit}-{name.replace('+', 'plus')}.{kind}"


def _target(summary: str, services: Sequence[str]) -> str:
    return _sections(
        {
            "Unit": (
                # A percent sign starts a specifier, a final backslash would join the next line.
                f"Description={summary.replace('%', '%%').rstrip(chr(92))}",
                f"Wants={' '.join(services)}",
            ),
            "Install": ("WantedBy=multi-user.target",),
        }
    )


@dataclass(frozen=True)
class _Around:
    """The units that a service has to do with.

    Args:
        target: its target.
        behind: servers behind it, as words for ``libexec/unit`` to wait for each.
        in_front: servers in front of it, in the same way.
        beneath: what it needs to be there before, and still when it stops.
    """

    target: str
    behind: Sequence[str] = ()
    in_front: Sequence[str] = ()
    beneath: Sequence[str] = ()

    @property
    def after(self) -> str:
        """What systemd starts first, and stops last."""
        return f"After={' '.join(('network.target', *self.beneath))}"


def _service(layout: Layout, process: Process, around: _Around) -> str:
    helper = f"{layout.prefix}/libexec/{HELPER}"
    capability = "CAP_NET_BIND_SERVICE" if process.is_privileged else ""
    return _sections(
        {
            "Unit": (
                f"Description={layout.app}: {process.title}",
                f"PartOf={around.target}",
                around.after,
                f"RequiresMountsFor={layout.state} {layout.logs}",
                "StartLimitIntervalSec=0",
            ),
            "Service": (
                f"Type={'notify' if process.keeps_sockets else 'exec'}",
                f"ExecStartPre=-+{helper} pause %n",
                *(f"ExecStartPre=-+{helper} after {unit}" for unit in around.behind),
                *((f"ExecStartPre=+{certificates.path(layout)}",) if process.certificate else ()),
                f"ExecStart={layout.prefix}/bin/{layout.app}-{process.name}",
                *(f"ExecStop=-+{helper} before {unit}" for unit in around.in_front),
                *_server(layout, process),
                *_foundation(layout, process),
                f"Restart={process.restart}",
                "RestartSec=1",
                *_surroundings(layout, capability),
            ),
        }
    )


def _timer(layout: Layout, timer: Timer, target: str) -> str:
    return _sections(
        {
            "Unit": (f"Description={layout.app}: {timer.name}, by the clock", f"PartOf={target}"),
            "Timer": (
                f"OnCalendar={timer.calendar}",
                # By itself systemd takes up to a minute.
                "AccuracySec=1s",
                *(("Persistent=yes",) if timer.persistent else ()),
            ),
        }
    )


def _job(layout: Layout, timer: Timer, around: _Around) -> str:
    return _sections(
        {
            "Unit": (
                f"Description={layout.app}: {timer.name}",
                f"PartOf={around.target}",
                around.after,
                f"RequiresMountsFor={layout.state} {layout.logs}",
                # The timer says how often.
                "StartLimitIntervalSec=0",
            ),
            "Service": (
                "Type=oneshot",
                f"ExecStart={layout.prefix}/bin/{layout.app}-{timer.name}",
                *_surroundings(layout),
            ),
        }
    )


def _surroundings(layout: Layout, capability: str = "") -> tuple[str, ...]:
    """Return what holds for all that systemd starts: its user, its directories, what it may."""
    return (
        f"User={layout.user}",
        f"Environment={layout.variable('STATE')}={layout.state}",
        f"EnvironmentFile=-{layout.etc}/environment",
        # It may be missing until it is made.
        f"WorkingDirectory=-{layout.state}",
        *_directories(layout),
        f"CapabilityBoundingSet={capability}",
        f"AmbientCapabilities={capability}",
        *_HARDENING,
    )


def _server(layout: Layout, process: Process) -> tuple[str, ...]:
    if not process.is_server:
        return ()
    launcher = f"{layout.prefix}/bin/{layout.app}-{process.name}"
    helper = f"{layout.prefix}/libexec/{HELPER}"
    return (
        *((f"ExecReload=+{certificates.path(layout)}",) if process.certificate else ()),
        *((f"ExecReload={launcher} reload",) if process.checks_reload else ()),
        # The shell's own kill: minimal hosts have no other.
        *(("ExecReload=/bin/sh -c 'kill -HUP $$MAINPID'",) if process.reloads else ()),
        "KillMode=mixed",
        *((f"ExecStop=-{helper} {_longer('quit', process.grace, 20)}",) if process.quits else ()),
        *_time_to_stop(process),
        # Sockets that `libexec/listen.py` gives to systemd: nobody is refused during a restart.
        *(("FileDescriptorStoreMax=16",) if process.keeps_sockets else ()),
    )


def _foundation(layout: Layout, process: Process) -> tuple[str, ...]:
    """Return what holds for processes that others need: those start when it answers."""
    if not process.underlies:
        return ()
    return (
        f"ExecStartPost={layout.prefix}/bin/{layout.app}-{process.name} ready",
        # Reading its log after a crash takes as long as it takes, and so does writing it all.
        "TimeoutStartSec=infinity",
        "TimeoutStopSec=10min",
        "KillMode=mixed",
        f"KillSignal=SIG{process.signal}",
    )


# Seconds that a server has beyond those of its requests.
_TO_END = 5


def _time_to_stop(process: Process) -> tuple[str, ...]:
    """Return when systemd loses its patience, if not after its usual 90 seconds."""
    if process.quits:
        return (f"TimeoutStopSec={max(60, process.grace + 40)}",)
    if process.waits:
        return (f"TimeoutStopSec={process.grace + _TO_END}",)
    return (f"TimeoutStopSec={process.grace + 40}",) if process.grace > 60 else ()


def unit_helper(layout: Layout) -> str:
    """Return ``libexec/unit``, which services call before they start and when they stop."""
    return render("unit.sh.in", {"APP": layout.app})


def _directories(layout: Layout) -> tuple[str, ...]:
    # Not StateDirectory= and its like: symlinks, and what the operator set, are errors for them.
    return (
        f"ExecStartPre=+{layout.directories}",
        # With a sign each: they apply to what makes them, too, as after every boot.
        f"ReadWritePaths=-{layout.state} -{layout.logs} -{layout.runtime}",
    )


def _sections(sections: Mapping[str, tuple[str, ...]]) -> str:
    return "\n".join("\n".join([f"[{name}]", *lines, ""]) for name, lines in sections.items())
