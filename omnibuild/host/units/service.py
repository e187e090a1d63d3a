"""Services: what systemd starts, as whom, after what, and what it may."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omnibuild.host.layout import Layout
from omnibuild.host.model import HostModel, Process, Timer
from omnibuild.host.servers import certificates
from omnibuild.recipe.models.services import Resources

# Below libexec: what services call besides their launcher.
HELPER = "unit"

# As sysexits.h has it: a configuration that cannot be read, which no other start would mend.
CONFIGURATION = 78

# What no app needs; a drop-in takes back what one app does. Memory that is written and executed
# stays allowed: cffi and just-in-time compilers need it.
HARDENING = (
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
class Around:
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


def service(model: HostModel, process: Process, around: Around) -> str:
    """Return the unit of a process: of all its instances, if it has several."""
    layout = model.layout
    helper = f"{layout.prefix}/libexec/{HELPER}"
    capability = "CAP_NET_BIND_SERVICE" if process.is_privileged else ""
    return sections(
        {
            "Unit": (
                f"Description={layout.app}: {process.title}{' %i' * (process.instances > 1)}",
                *_documented(model),
                f"PartOf={around.target}",
                around.after,
                f"RequiresMountsFor={layout.state} {layout.logs}",
                "StartLimitIntervalSec=0",
                *_awaited(model),
            ),
            "Service": (
                f"Type={'notify' if process.keeps_sockets or process.notifies else 'exec'}",
                *((f"WatchdogSec={process.watchdog}",) if process.watchdog else ()),
                *_numbered(layout, process),
                f"ExecStartPre=-+{helper} pause %n",
                *(f"ExecStartPre=-+{helper} after {unit}" for unit in around.behind),
                *((f"ExecStartPre=+{certificates.path(layout)}",) if process.certificate else ()),
                f"ExecStart={layout.prefix}/bin/{layout.app}-{process.name}",
                *(f"ExecStop=-+{helper} before {unit}" for unit in around.in_front),
                *_server(layout, process),
                *_foundation(layout, process),
                f"Restart={process.restart}",
                "RestartSec=1",
                *_surroundings(model, process.resources, capability),
            ),
        }
    )


def _documented(model: HostModel) -> tuple[str, ...]:
    """Return where to read more, if that is an address that systemd takes."""
    is_plain = re.fullmatch(r"https?://[!-$&-~]+", model.homepage)
    return (f"Documentation={model.homepage}",) if is_plain else ()


def _awaited(model: HostModel) -> tuple[str, ...]:
    """Return what lets nothing start that the operator has not given its secrets."""
    awaited = [name for name, size in model.secrets.items() if not size]
    return tuple(f"AssertPathExists={model.layout.secrets}/{name}" for name in awaited)


def _numbered(layout: Layout, process: Process) -> tuple[str, ...]:
    return (f"Environment={layout.variable('INSTANCE')}=%i",) if process.instances > 1 else ()


def _resources(resources: Resources) -> tuple[str, ...]:
    """Return the limits of all processes of a service together."""
    said = {
        "MemoryMax": resources.memory.removesuffix("B"),
        "CPUQuota": f"{resources.cpu}%" if resources.cpu else "",
        "TasksMax": resources.tasks,
        "LimitNOFILE": resources.files,
        "Nice": resources.nice,
    }
    return tuple(f"{name}={value}" for name, value in said.items() if value)


def job(model: HostModel, timer: Timer, around: Around) -> str:
    """Return the unit of what a timer starts."""
    layout = model.layout
    return sections(
        {
            "Unit": (
                f"Description={layout.app}: {timer.name}",
                *_documented(model),
                f"PartOf={around.target}",
                around.after,
                f"RequiresMountsFor={layout.state} {layout.logs}",
                # The timer says how often.
                "StartLimitIntervalSec=0",
                *_awaited(model),
            ),
            "Service": (
                "Type=oneshot",
                f"ExecStart={layout.prefix}/bin/{layout.app}-{timer.name}",
                *_surroundings(model, timer.resources),
            ),
        }
    )


def _surroundings(model: HostModel, resources: Resources, capability: str = "") -> tuple[str, ...]:
    """Return what holds for all that systemd starts: its user, its directories, what it may."""
    layout = model.layout
    return (
        f"User={layout.user}",
        f"Environment={layout.variable('STATE')}={layout.state}",
        f"EnvironmentFile=-{layout.etc}/environment",
        # It may be missing until it is made.
        f"WorkingDirectory=-{layout.state}",
        *_directories(layout),
        *(f"LoadCredential={name}:{layout.secrets}/{name}" for name in model.secrets),
        *_resources(resources),
        f"CapabilityBoundingSet={capability}",
        f"AmbientCapabilities={capability}",
        *HARDENING,
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
        *((f"ExecStop=-{helper} {longer('quit', process.grace, 20)}",) if process.quits else ()),
        *_time_to_stop(process),
        *((f"RestartPreventExitStatus={CONFIGURATION}",) if process.judges else ()),
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


def _directories(layout: Layout) -> tuple[str, ...]:
    # Not StateDirectory= and its like: symlinks, and what the operator set, are errors for them.
    return (
        f"ExecStartPre=+{layout.directories}",
        # With a sign each: they apply to what makes them, too, as after every boot.
        f"ReadWritePaths=-{layout.state} -{layout.logs} -{layout.runtime}",
    )


def longer(words: str, seconds: int, usual: int) -> str:
    """Return words for ``libexec/unit``, which waits for a usual time, in tenths of a second."""
    return f"{words} {seconds * 10}" if seconds > usual else words


def sections(sections: Mapping[str, tuple[str, ...]]) -> str:
    """Return the text of a unit, section by section."""
    return "\n".join("\n".join([f"[{name}]", *lines, ""]) for name, lines in sections.items())
