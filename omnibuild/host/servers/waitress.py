"""Waitress, for WSGI: one process with threads, pure Python; a program of ours runs several."""

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

START = "start_waitress.py"
# Whoever reaches the socket is the proxy: it tells the client's address and scheme.
_PROXIED = (
    "--trusted-proxy='*'",
    "--trusted-proxy-headers='x-forwarded-for x-forwarded-proto'",
    "--clear-untrusted-proxy-headers",
)


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    require_app(web, installed, "waitress")
    limits, told = web.limits, []
    if web.threads:
        told.append(f"--threads={web.threads}")
    if limits.body:
        told.append(f"--max-request-body-size={body(web)}")
    if limits.keep_alive and not web.proxy:
        told.append(f"--channel-timeout={limits.keep_alive} --cleanup-interval=1")
    if web.proxy:
        told.extend(_PROXIED)
    arguments = [
        access_log(web, layout) or "off",
        str(grace(web)),
        *told,
        *words(web),
        shlex.quote(web.app),
    ]
    return reloaded_by_prefork(web, layout, START, arguments)


WAITRESS = WebServer(
    process=_process,
    interfaces=("wsgi",),
    launched=frozenset({"--listen", "--host", "--port", "--unix-socket", "--call", "--app"}),
    takes=frozenset(
        {
            "workers",
            "threads",
            "options",
            "limits.body",
            "limits.keep-alive",
            "limits.graceful",
            "access-log",
        }
    ),
    # From here on it has all that its start uses.
    requirements=("waitress>=3",),
)
