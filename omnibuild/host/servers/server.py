"""What a web server is to everything else here: one row of the table."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed
from omnibuild.recipe.models import Web
from omnibuild.recipe.models.web import WORKERS

# What its process is called, in units and launchers.
NAME = "web"

# The program that opens sockets and has systemd keep them, and the servers that it knows.
LISTEN = "listen.py"
# The program that runs a server of one process several times.
PREFORK = "prefork.py"

# For how long the requests at hand may take when a server ends; seconds.
GRACE = 30
_MEGABYTE = 1 << 20


# What not every server honours, by the place below ``[web]``.
Option = Literal[
    "workers",
    "threads",
    "options",
    "limits.body",
    "limits.request",
    "limits.keep-alive",
    "limits.graceful",
    "access-log",
    "static",
    "media",
    "tls",
]


def _nothing(web: Web, layout: Layout) -> Mapping[str, str]:
    return {}


def _no_conflicts(web: Web) -> Mapping[Option, str]:
    return {}


@dataclass(frozen=True)
class WebServer:
    """A kind of web server.

    Args:
        process: makes its process; behind a proxy it listens on :func:`socket_path`.
        interfaces: how it calls the app.
        takes: options of ``[web]`` that it honours; others are refused where no proxy honours
            them either.
        launched: words of its own command line that only its launcher may say, as they decide where
            it listens, whether it stays in the foreground, or what it loads.
        conflicts: options that it cannot honour beside others that a recipe says, and which.
        requirements: what brings it, as PEP 508 has it.
        components: or which components are it.
        attributes: whether the app may be an attribute of something in its module.
        upgrades: whether it speaks more than HTTP on a connection, as WebSockets.
        speaks: what a proxy speaks to it.
        configuration: makes its own files for operators, by their path on hosts.
    """

    process: Callable[[Web, Layout, Installed], Process]
    interfaces: tuple[Literal["wsgi", "asgi", "own"], ...]
    takes: frozenset[Option]
    launched: frozenset[str] = frozenset()
    conflicts: Callable[[Web], Mapping[Option, str]] = _no_conflicts
    requirements: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    attributes: bool = True
    upgrades: bool = False
    speaks: Literal["http", "uwsgi"] = "http"
    configuration: Callable[[Web, Layout], Mapping[str, str]] = _nothing


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


def workers(web: Web) -> str:
    """Return how many processes serve, as launchers spell it."""
    return f"${{WEB_CONCURRENCY:-{web.workers or WORKERS}}}"


def grace(web: Web) -> int:
    """Return for how many seconds the requests at hand may take when the server ends."""
    return web.limits.graceful or GRACE


def body(web: Web) -> int:
    """Return how many bytes a request's body may have; 0 where nobody says."""
    return (web.limits.body or 0) * _MEGABYTE


def access_log(web: Web, layout: Layout) -> str:
    """Return where a server itself logs requests, as shell: ``-``, a path, or nothing.

    A log file is the proxy's where there is one: it has what it answers itself, too.
    """
    if web.access_log in (None, "journal"):
        return "-"
    if web.access_log == "off" or web.proxy:
        return ""
    return f'"${{{layout.variable("LOGS")}:-{layout.logs}}}/access.log"'


def require_app(web: Web, installed: Installed, server: str) -> None:
    """Refuse an app whose server, or what it serves, is not installed."""
    installed.require_module(server, "web.server")
    installed.require_module(web.app.partition(":")[0], "web.app")


def words(web: Web) -> list[str]:
    """Return the recipe's own words for the server, quoted for a shell."""
    return [shlex.quote(word) for word in web.options]


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


def server_process(web: Web, lines: Iterable[str], *programs: str) -> Process:
    """Return the process of a server whose socket systemd keeps, and that HUP reloads.

    Args:
        web: the recipe's table.
        lines: shell that becomes the server.
        programs: those of hosts that start it, besides the one that opens its socket.
    """
    return Process(
        NAME,
        "web server",
        "\n".join(lines),
        address=public_address(web),
        is_server=True,
        keeps_sockets=True,
        reloads=True,
        grace=grace(web),
        helpers=(LISTEN, *programs),
    )


def reloaded_by_prefork(
    web: Web,
    layout: Layout,
    program: str,
    arguments: Iterable[str],
    *,
    before: Iterable[str] = (),
    number: str = "",
    beside: tuple[str, ...] = (),
) -> Process:
    """Return the process of a server that a program of ours runs several times on one socket.

    Args:
        web: the recipe's table.
        layout: the app's names.
        program: what runs it once, a program of hosts.
        arguments: what that is told, quoted for a shell.
        before: shell that comes first.
        number: how many times it runs, if that is not the number of the app's processes.
        beside: programs of hosts that it needs.
    """
    python, times = f'"$root/bin/{layout.python}"', number or workers(web)
    lines = [
        *before,
        f'exec {listening(layout, "socket")} "{address(web, layout)}" \\',
        f'    {python} -I -S -B "$root/libexec/{PREFORK}" "{times}" {grace(web)} \\',
        f'    {python} -I -B -u "$root/libexec/{program}" \\',
        f"    {' '.join(arguments)}",
    ]
    return server_process(web, lines, PREFORK, program, *beside)
