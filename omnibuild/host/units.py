"""systemd units: one target for the app, one service for each process.

They are in /usr/lib/systemd/system, which systemd and Debian's helpers read on every host, also
where /lib is a directory of its own. Only the target is enabled; it wants the services. So one
``systemctl`` command acts on the whole app, and an operator masks a service to do without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from omnibuild.host.layout import Layout
from omnibuild.host.processes import Process

DIRECTORY = "/usr/lib/systemd/system"

_FIRST_UNPRIVILEGED_PORT = 1024

# A service is restarted for ever, after ever longer pauses. systemd itself can do that from
# version 254 on, and older ones would complain about the setting: so the start waits a second for
# each restart since somebody last started it, at most 30.
_PAUSE = (
    "ExecStartPre=-+/bin/sh -c 'pause=$$(systemctl show --property=NRestarts --value %n) &&"
    ' [ "$$pause" -gt 30 ] && pause=30; sleep "$$pause"\''
)

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


def unit_names(layout: Layout, running: Sequence[Process]) -> tuple[str, ...]:
    """Return the target's name and then those of the services."""
    return (f"{layout.unit}.target", *(_service_name(layout, process) for process in running))


def units(layout: Layout, summary: str, running: Sequence[Process], listen: str) -> dict[str, str]:
    """Return every unit by its file name.

    Args:
        layout: the app's names.
        summary: what the app is.
        running: its processes; no process, no unit.
        listen: the address that clients connect to; empty without a web server.
    """
    if not running:
        return {}
    target, *services = unit_names(layout, running)
    # Clients connect to the last of the servers; the others are behind it.
    servers = [name for name, one in zip(services, running, strict=True) if one.listens]
    texts = {target: _target(summary, services)}
    for name, process in zip(services, running, strict=True):
        privileged = name in servers[-1:] and _port(listen) < _FIRST_UNPRIVILEGED_PORT
        behind = servers[: servers.index(name)] if process.listens else []
        texts[name] = _service(layout, process, target, behind, privileged=privileged)
    return texts


def _service_name(layout: Layout, process: Process) -> str:
    return f"{layout.unit}-{process.name.replace('+', 'plus')}.service"


def _port(listen: str) -> int:
    return int(listen.rpartition(":")[2])


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


def _service(
    layout: Layout, process: Process, target: str, behind: Sequence[str], *, privileged: bool
) -> str:
    capability = "CAP_NET_BIND_SERVICE" if privileged else ""
    return _sections(
        {
            "Unit": (
                f"Description={layout.app}: {process.title}",
                f"PartOf={target}",
                f"After={' '.join(['network.target', *behind])}",
                f"RequiresMountsFor={layout.state} {layout.logs}",
                "StartLimitIntervalSec=0",
            ),
            "Service": (
                f"Type={'notify' if process.listens else 'exec'}",
                _PAUSE,
                f"ExecStart={layout.prefix}/bin/{layout.app}-{process.name}",
                *_server(process),
                "Restart=on-failure",
                "RestartSec=1",
                f"User={layout.user}",
                f"Environment={layout.variable('STATE')}={layout.state}",
                f"EnvironmentFile=-{layout.etc}/environment",
                # It may be missing until it is made.
                f"WorkingDirectory=-{layout.state}",
                *_directories(layout),
                f"CapabilityBoundingSet={capability}",
                f"AmbientCapabilities={capability}",
                *_HARDENING,
            ),
        }
    )


def _server(process: Process) -> tuple[str, ...]:
    if not process.listens:
        return ()
    return (
        # The shell's own kill: minimal hosts have no other.
        "ExecReload=/bin/sh -c 'kill -HUP $$MAINPID'",
        "KillMode=mixed",
        *((f"KillSignal={process.stop}", "TimeoutStopSec=30") if process.stop else ()),
        # Sockets that `libexec/listen.py` gives to systemd: nobody is refused during a restart.
        "FileDescriptorStoreMax=16",
    )


def _directories(layout: Layout) -> tuple[str, ...]:
    # Not StateDirectory= and its like: symlinks, and what the operator set, are errors for them.
    return (
        f"ExecStartPre=+{layout.directories}",
        # With a sign each: they apply to what makes them, too, as after every boot.
        f"ReadWritePaths=-{layout.state} -{layout.logs} -{layout.runtime}",
    )


def _sections(sections: dict[str, tuple[str, ...]]) -> str:
    return "\n".join("\n".join([f"[{name}]", *lines, ""]) for name, lines in sections.items())
