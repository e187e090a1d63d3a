"""What a web server is to everything else here: one row of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.recipe.models import Web

# What its process is called, in units and launchers.
NAME = "web"


@dataclass(frozen=True)
class WebServer:
    """A kind of web server.

    Args:
        requirements: what brings it, as PEP 508 has it.
        process: makes its process; behind a proxy it listens on :func:`socket_path`.
        proxied: nginx's directives for what is passed on to it.
    """

    requirements: tuple[str, ...]
    process: Callable[[Web, Layout], Process]
    proxied: tuple[str, ...]


def socket_path(layout: Layout) -> str:
    """Return where a server behind a proxy listens, as launchers spell it."""
    return f"${layout.variable('RUNTIME')}/{NAME}.sock"


def kept_sockets(layout: Layout, server: str) -> list[str]:
    """Return shell that becomes the server in ``$@``, by way of systemd where it listens."""
    return [
        'if [ -n "${NOTIFY_SOCKET:-}" ]; then',
        f'    set -- "$root/bin/{layout.python}" -I -S -B "$root/libexec/listen.py" {server} "$@"',
        "fi",
        'exec "$@"',
    ]
