"""Twisted, for WSGI: threads beside an event loop, for apps that use it; a program of ours is it.

Its own command, ``twist web``, is not used: it ends without answering what it was asked, and writes
a cache of plugins beside the packages.
"""

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
)
from omnibuild.recipe.models import Web

START = "start_twisted.py"
# As Twisted has it by itself.
_THREADS = 10
_IDLE = 60


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    require_app(web, installed, "twisted.web.wsgi")
    # Behind a proxy that one says for how long a client's connection is kept.
    idle = _IDLE if web.proxy else web.limits.keep_alive or _IDLE
    arguments = [
        access_log(web, layout) or "off",
        "proxied" if web.proxy else "''",
        *map(str, (web.threads or _THREADS, idle, grace(web))),
        shlex.quote(web.app),
    ]
    return reloaded_by_prefork(web, layout, START, arguments)


TWISTED = WebServer(
    process=_process,
    interfaces=("wsgi",),
    takes=frozenset({"workers", "threads", "limits.keep-alive", "limits.graceful", "access-log"}),
    requirements=("twisted>=22.10",),
)
