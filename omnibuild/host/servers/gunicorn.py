"""Gunicorn, for WSGI: HUP replaces its workers, and it takes sockets as systemd passes them."""

from __future__ import annotations

import shlex

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.servers.server import NAME, WebServer, kept_sockets, socket_path
from omnibuild.recipe.models import Web

# Its own format says nothing about a client behind a proxy on a socket.
PROXIED_LOG = '%({x-forwarded-for}i)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s'


def _process(web: Web, layout: Layout) -> Process:
    runtime, listen = layout.variable("RUNTIME"), layout.variable("LISTEN")
    if web.proxy:
        bind = f"unix:{socket_path(layout)}"
        # Whoever reaches the socket is the proxy: it tells the client's address and scheme.
        options = f"--forwarded-allow-ips '*' --access-logformat {shlex.quote(PROXIED_LOG)}"
    else:
        bind = f"${{{listen}:-{web.listen}}}"
        options = ""
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
        f'bind="{bind}"',
        f'set -- "$root/bin/{layout.python}" -I -B -u -m gunicorn \\',
        " \\\n".join(f"    {argument}" for argument in arguments),
        *kept_sockets(layout, 'gunicorn "$bind"'),
    ]
    return Process(
        NAME,
        "web server",
        "\n".join(lines),
        listens=True,
        address="" if web.proxy else web.listen,
    )


GUNICORN = WebServer(
    requirements=("gunicorn",),
    process=_process,
    proxied=("proxy_http_version 1.1;", 'proxy_set_header Connection "";'),
)
