"""Hypercorn, for ASGI and WSGI, with HTTP/2; a program of ours runs several of its processes."""

from __future__ import annotations

import shlex

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed
from omnibuild.host.servers.server import (
    WebServer,
    access_log,
    body,
    grace,
    reloaded_by_prefork,
    require_app,
    words,
)
from omnibuild.recipe.models import Web

START = "start_hypercorn.py"
# As systemd's sockets have it; otherwise it would shorten their queue.
_BACKLOG = 2048
# As web servers have it: its own format has a bare number for the protocol, and no query.
_LOG = '{client} %(l)s %(l)s %(t)s "%(m)s %(Uq)s HTTP/%(H)s" %(s)s %(b)s "%(f)s" "%(a)s"'
# Behind a proxy on a socket, the address of the connection says nothing about the client.
_CLIENT, _PROXIED_CLIENT = "%(h)s", "%({x-forwarded-for}i)s"


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    require_app(web, installed, "hypercorn")
    told = [f"--backlog {_BACKLOG} --graceful-timeout {grace(web)}"]
    if log := access_log(web, layout):
        client = _PROXIED_CLIENT if web.proxy else _CLIENT
        told.append(f"--access-logfile {log}")
        told.append(f"--access-logformat {shlex.quote(_LOG.format(client=client))}")
    if web.limits.keep_alive and not web.proxy:
        told.append(f"--keep-alive {web.limits.keep_alive}")
    proxied = "proxied" if web.proxy else "''"
    sizes = [str(web.threads or 0), proxied, str(body(web))]
    arguments = [*sizes, *told, *words(web), shlex.quote(web.app)]
    return reloaded_by_prefork(web, layout, START, arguments)


HYPERCORN = WebServer(
    process=_process,
    interfaces=("asgi", "wsgi"),
    launched=frozenset(
        {
            "-b",
            "--bind",
            "--insecure-bind",
            "--quic-bind",
            "-k",
            "--worker-class",
            "-p",
            "--pid",
            "--reload",
        }
    ),
    takes=frozenset(
        {"workers", "threads", "options", "limits.keep-alive", "limits.graceful", "access-log"}
    ),
    # From here on it has all that its start uses.
    requirements=("hypercorn>=0.17",),
    upgrades=True,
)
