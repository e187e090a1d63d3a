"""Gunicorn, for WSGI: HUP replaces its workers, and it takes sockets as systemd passes them."""

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
    kept_sockets,
    public_address,
)
from omnibuild.recipe.models import Web

# Its own format says nothing about a client behind a proxy on a socket.
PROXIED_LOG = '%({x-forwarded-for}i)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s'


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    installed.require_module("gunicorn", "web.server")
    installed.require_module(web.app.partition(":")[0], "web.app")
    runtime, options = layout.variable("RUNTIME"), ""
    if web.proxy:
        # Whoever reaches the socket is the proxy: it tells the client's address and scheme.
        options = f"--forwarded-allow-ips '*' --access-logformat {shlex.quote(PROXIED_LOG)}"
    arguments = [
        f'--workers "${{WEB_CONCURRENCY:-{web.workers}}}"',
        '--bind "$bind"',
        "--access-logfile -",
        *([options] if options else []),
        f'"$@" {shlex.quote(web.app)}',
    ]
    lines = [
        "# Its control socket belongs beside the other one.",
        f"XDG_RUNTIME_DIR=${runtime}",
        "export XDG_RUNTIME_DIR",
        "# Heartbeat files want memory, not a disk.",
        'if [ -d /dev/shm ] && [ -w /dev/shm ]; then set -- --worker-tmp-dir /dev/shm "$@"; fi',
        "# Gunicorn imports from and reads settings in the working directory.",
        'cd "$root"',
        f'bind="{address(web, layout)}"',
        f'set -- "$root/bin/{layout.python}" -I -B -u -m gunicorn \\',
        " \\\n".join(f"    {argument}" for argument in arguments),
        *kept_sockets(layout, 'gunicorn "$bind"'),
    ]
    return Process(
        NAME,
        "web server",
        "\n".join(lines),
        address=public_address(web),
        is_server=True,
        keeps_sockets=True,
        reloads=True,
        helpers=(LISTEN,),
    )


GUNICORN = WebServer(
    requirements=("gunicorn",),
    process=_process,
    upgrades=False,
)
