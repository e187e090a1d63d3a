"""Uvicorn, for ASGI: HUP replaces its processes.

A program of ours starts it: by itself it does not heed HUP as a single process, and drops clients
that it has only just accepted when it ends.
"""

from __future__ import annotations

import shlex

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed
from omnibuild.host.servers.server import (
    LISTEN,
    NAME,
    WebServer,
    address,
    listening,
    public_address,
)
from omnibuild.recipe.models import Web

START = "asgi.py"


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    installed.require_module("uvicorn", "web.server")
    installed.require_module(web.app.partition(":")[0], "web.app")
    words = [f'"${{WEB_CONCURRENCY:-{web.workers}}}"', shlex.quote(web.app)]
    if web.proxy:
        words.append("proxied")
    lines = [
        f'exec {listening(layout, "socket")} "{address(web, layout)}" \\',
        f'    "$root/bin/{layout.python}" -I -B -u "$root/libexec/{START}" \\',
        f"    {' '.join(words)}",
    ]
    return Process(
        NAME,
        "web server",
        "\n".join(lines),
        address=public_address(web),
        is_server=True,
        keeps_sockets=True,
        reloads=True,
        # Its supervisor ends without a word when its workers cannot start.
        restart="always",
        helpers=(LISTEN, START),
    )


UVICORN = WebServer(
    # From here on it has all settings that its start passes. Without websockets it knows none.
    requirements=("uvicorn>=0.40", "websockets"),
    process=_process,
    upgrades=True,
)
