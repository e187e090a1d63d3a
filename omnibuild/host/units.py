"""systemd units: one target for the app, one service for each process.

They are in /usr/lib/systemd/system, which systemd and Debian's helpers read on every host, also
where /lib is a directory of its own. Only the target is enabled; it wants the services. So one
``systemctl`` command acts on the whole app, and an operator masks a service to do without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from omnibuild.host.layout import Layout
from omnibuild.host.processes import PROXY, WEB, Process

DIRECTORY = "/usr/lib/systemd/system"

_FIRST_UNPRIVILEGED_PORT = 1024

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
    # The process that clients connect to is the last of web and nginx.
    front = [process.name for process in running if process.name in (WEB, PROXY)][-1:]
    texts = {target: _target(summary, services)}
    for name, process in zip(services, running, strict=True):
        privileged = process.name in front and _port(listen) < _FIRST_UNPRIVILEGED_PORT
        texts[name] = _service(layout, process, target, privileged=privileged)
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


def _service(layout: Layout, process: Process, target: str, *, privileged: bool) -> str:
    capability = "CAP_NET_BIND_SERVICE" if privileged else ""
    return _sections(
        {
            "Unit": (
                f"Description={layout.app}: {process.title}",
                f"PartOf={target}",
                "After=network.target",
                *((f"After={layout.unit}-{WEB}.service",) if process.name == PROXY else ()),
            ),
            "Service": (
                f"Type={'notify' if process.notifies else 'exec'}",
                f"ExecStart={layout.prefix}/bin/{layout.app}-{process.name}",
                *_signals(process),
                "Restart=on-failure",
                "RestartSec=1",
                f"User={layout.user}",
                f"EnvironmentFile=-{layout.etc}/environment",
                f"WorkingDirectory={layout.state}",
                *_directories(layout),
                f"CapabilityBoundingSet={capability}",
                f"AmbientCapabilities={capability}",
                *_HARDENING,
            ),
        }
    )


def _signals(process: Process) -> tuple[str, ...]:
    reload = "ExecReload=/bin/kill -HUP $MAINPID"
    if process.name == WEB:
        return (reload, "KillMode=mixed")
    if process.name == PROXY:
        # QUIT lets nginx finish the requests at hand.
        return (reload, "KillMode=mixed", "KillSignal=SIGQUIT", "TimeoutStopSec=30")
    return ()


def _directories(layout: Layout) -> tuple[str, ...]:
    return (
        f"StateDirectory={layout.app}",
        "StateDirectoryMode=0750",
        f"LogsDirectory={layout.app}",
        "LogsDirectoryMode=0750",
        f"RuntimeDirectory={layout.app}",
        "RuntimeDirectoryMode=0750",
        # The services share it: the first that stops must not take the other's socket away.
        "RuntimeDirectoryPreserve=yes",
    )


def _sections(sections: dict[str, tuple[str, ...]]) -> str:
    return "\n".join("\n".join([f"[{name}]", *lines, ""]) for name, lines in sections.items())
