"""Uvicorn, for ASGI: HUP replaces its processes.

A program of ours starts it: by itself it does not heed HUP as a single process, and drops clients
that it has only just accepted when it ends.
"""

from __future__ import annotations

import shlex
from dataclasses import replace

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed
from omnibuild.host.servers.server import (
    WebServer,
    access_log,
    address,
    grace,
    listening,
    require_app,
    server_process,
    words,
    workers,
)
from omnibuild.recipe.models import Web

START = "start_uvicorn.py"


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    require_app(web, installed, "uvicorn")
    told = [f"--timeout-graceful-shutdown {grace(web)}"]
    if web.limits.keep_alive and not web.proxy:
        told.append(f"--timeout-keep-alive {web.limits.keep_alive}")
    if web.proxy:
        # Whoever reaches the socket is the proxy: it tells the client's address and scheme.
        told.append("--forwarded-allow-ips '*'")
    lines = [
        f'exec {listening(layout, "socket")} "{address(web, layout)}" \\',
        f'    "$root/bin/{layout.python}" -I -B -u "$root/libexec/{START}" \\',
        f'    "{workers(web)}" {access_log(web, layout) or "off"} \\',
        f"    {' '.join([*told, *words(web), shlex.quote(web.app)])}",
    ]
    return replace(
        server_process(web, lines, START),
        # Its supervisor ends without a word when its workers cannot start.
        restart="always",
    )


UVICORN = WebServer(
    process=_process,
    interfaces=("asgi",),
    launched=frozenset({"--host", "--port", "--uds", "--fd", "--reload", "--factory"}),
    takes=frozenset(
        {"workers", "options", "limits.keep-alive", "limits.graceful", "access-log"},
    ),
    # From here on it has all settings that its start passes. Without websockets it knows none.
    requirements=("uvicorn>=0.40", "websockets"),
    upgrades=True,
)
