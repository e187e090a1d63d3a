"""What a web server is to everything else here: one row of the table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed
from omnibuild.recipe.models import Web

# What its process is called, in units and launchers.
NAME = "web"

# The program that opens sockets and has systemd keep them, and the servers that it knows.
LISTEN = "listen.py"


@dataclass(frozen=True)
class WebServer:
    """A kind of web server.

    Args:
        requirements: what brings it, as PEP 508 has it.
        process: makes its process; behind a proxy it listens on :func:`socket_path`.
        upgrades: whether it speaks more than HTTP on a connection, as WebSockets.
    """

    requirements: tuple[str, ...]
    process: Callable[[Web, Layout, Installed], Process]
    upgrades: bool


def socket_path(layout: Layout) -> str:
    """Return where a server behind a proxy listens, as launchers spell it."""
    return f"${layout.variable('RUNTIME')}/{NAME}.sock"


def address(web: Web, layout: Layout) -> str:
    """Return where a server listens, as launchers spell it."""
    if web.proxy:
        return f"unix:{socket_path(layout)}"
    return f"${{{layout.variable('LISTEN')}:-{web.listen}}}"


def public_address(web: Web) -> str:
    """Return where clients connect to the server itself; empty behind a proxy."""
    return "" if web.proxy else web.listen


def listening(layout: Layout, server: str) -> str:
    """Return the command that opens sockets and becomes a server; its command follows."""
    return f'"$root/bin/{layout.python}" -I -S -B "$root/libexec/{LISTEN}" {server}'


def kept_sockets(layout: Layout, server: str) -> list[str]:
    """Return shell that becomes the server in ``$@``, by way of systemd where it listens."""
    return [
        'if [ -n "${NOTIFY_SOCKET:-}" ]; then',
        f'    set -- {listening(layout, server)} "$@"',
        "fi",
        'exec "$@"',
    ]
