"""Gunicorn, for WSGI: HUP replaces its workers, and it takes sockets as systemd passes them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed
from omnibuild.host.servers.server import (
    Option,
    WebServer,
    access_log,
    address,
    kept_sockets,
    require_app,
    server_process,
    words,
    workers,
)
from omnibuild.recipe.models import Web

# Runs it behind a proxy: by itself it tells apps no client there.
START = "start_gunicorn.py"
# Its own format says nothing about a client behind a proxy on a socket.
PROXIED_LOG = '%({x-forwarded-for}i)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s'


def _arguments(web: Web, layout: Layout) -> list[str]:
    limits, log, told = web.limits, access_log(web, layout), []
    if limits.keep_alive and not web.threads:
        # Its plain workers end each connection after an answer.
        told.append("--worker-class gthread")
    for name, value in (
        ("threads", web.threads),
        ("timeout", limits.request),
        ("keep-alive", limits.keep_alive),
        ("graceful-timeout", limits.graceful),
    ):
        if value is not None:
            told.append(f"--{name} {value}")
    if web.proxy:
        # Whoever reaches the socket is the proxy: it tells the client's address and scheme.
        told.append(f"--forwarded-allow-ips '*' --access-logformat {shlex.quote(PROXIED_LOG)}")
    return [
        f'--workers "{workers(web)}"',
        '--bind "$bind"',
        *([f"--access-logfile {log}"] if log else []),
        *told,
        *words(web),
        f'"$@" {shlex.quote(web.app)}',
    ]


def _conflicts(web: Web) -> Mapping[Option, str]:
    """A worker of threads tells that it lives whatever its requests take: none is ended."""
    if web.threads and web.threads > 1:
        return {"limits.request": "web.threads"}
    if web.limits.keep_alive:
        return {"limits.request": "web.limits.keep-alive"}
    return {}


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    require_app(web, installed, "gunicorn")
    runtime = layout.variable("RUNTIME")
    program = f'"$root/libexec/{START}"' if web.proxy else "-m gunicorn"
    lines = [
        "# Its control socket belongs beside the other one.",
        f"XDG_RUNTIME_DIR=${runtime}",
        "export XDG_RUNTIME_DIR",
        "# Heartbeat files want memory, not a disk.",
        'if [ -d /dev/shm ] && [ -w /dev/shm ]; then set -- --worker-tmp-dir /dev/shm "$@"; fi',
        "# Gunicorn imports from and reads settings in the working directory.",
        'cd "$root"',
        f'bind="{address(web, layout)}"',
        f'set -- "$root/bin/{layout.python}" -I -B -u {program} \\',
        " \\\n".join(f"    {argument}" for argument in _arguments(web, layout)),
        *kept_sockets(layout, 'gunicorn "$bind"'),
    ]
    return server_process(web, lines, *([START] if web.proxy else []))


GUNICORN = WebServer(
    process=_process,
    interfaces=("wsgi",),
    launched=frozenset({"-b", "--bind", "-D", "--daemon", "-p", "--pid", "--reload"}),
    takes=frozenset(
        {
            "workers",
            "threads",
            "options",
            "limits.request",
            "limits.keep-alive",
            "limits.graceful",
            "access-log",
        }
    ),
    conflicts=_conflicts,
    requirements=("gunicorn",),
    attributes=False,
)
