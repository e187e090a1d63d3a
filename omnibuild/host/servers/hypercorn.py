"""Hypercorn, for ASGI and WSGI, with HTTP/2; a program of ours runs several of its processes."""

from __future__ import annotations

import shlex

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed
from omnibuild.host.servers.server import (
    WebServer,
    access_log,
    grace,
    reloaded_by_prefork,
    require_app,
    words,
)
from omnibuild.recipe.models import Web

START = "start_hypercorn.py"
# As systemd's sockets have it; otherwise it would shorten their queue.
_BACKLOG = 2048
# Its own format says nothing about a client behind a proxy on a socket.
_PROXIED_LOG = '%({x-forwarded-for}i)s %(l)s %(l)s %(t)s "%(r)s" %(s)s %(b)s'


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    require_app(web, installed, "hypercorn")
    told = [f"--backlog {_BACKLOG} --graceful-timeout {grace(web)}"]
    if log := access_log(web, layout):
        told.append(f"--access-logfile {log}")
    if web.limits.keep_alive and not web.proxy:
        told.append(f"--keep-alive {web.limits.keep_alive}")
    if web.proxy:
        told.append(f"--access-logformat {shlex.quote(_PROXIED_LOG)}")
    proxied = "proxied" if web.proxy else "''"
    arguments = [str(web.threads or 0), proxied, *told, *words(web), shlex.quote(web.app)]
    return reloaded_by_prefork(web, layout, START, arguments)


HYPERCORN = WebServer(
    process=_process,
    interfaces=("asgi", "wsgi"),
    takes=frozenset(
        {"workers", "threads", "options", "limits.keep-alive", "limits.graceful", "access-log"}
    ),
    # From here on it has all that its start uses.
    requirements=("hypercorn>=0.17",),
    upgrades=True,
)
