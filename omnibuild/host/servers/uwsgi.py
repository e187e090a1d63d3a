"""uWSGI, for WSGI: HUP has it start anew, with its socket, once the requests at hand are answered.

Behind nginx it speaks its own protocol, which tells the client's address and scheme; alone, HTTP
without connections that stay.
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
    body,
    grace,
    listening,
    server_process,
    words,
    workers,
)
from omnibuild.recipe.models import Web

_PROGRAM = "bin/uwsgi"
# Longer headers than its own 4 kB are usual, as cookies; a body that the app did not read would
# have the client's connection reset, so larger ones wait in a file.
_HEADERS, _BODY = 32768, 65536
# The combined format, as of all other servers.
_FORMAT = (
    '%(addr) - %(user) [%(ltime)] "%(method) %(uri) %(proto)" %(status) %(rsize)'
    ' "%(referer)" "%(uagent)"'
)


def _arguments(web: Web, layout: Layout) -> list[str]:
    limits, log = web.limits, access_log(web, layout)
    told = [
        f"--{'socket' if web.proxy else 'http-socket'} fd://3",
        "--listen 1024 --master --need-app --single-interpreter --enable-threads",
        f'--processes "{workers(web)}"',
        # Told to end, it lets requests be answered; by itself it would start anew.
        "--hook-master-start 'unix_signal:15 gracefully_kill_them_all'",
        f"--worker-reload-mercy {grace(web)}",
        f"--buffer-size {_HEADERS} --post-buffering {_BODY}",
        f'--py-programname "$root/bin/{layout.python}"',
    ]
    if web.threads:
        told.append(f"--threads {web.threads}")
    if limits.request:
        told.append(f"--harakiri {limits.request}")
    if limits.body and not web.proxy:
        told.append(f"--limit-post {body(web)}")
    if not log:
        told.append("--disable-logging")
    else:
        told.append(f"--log-format {shlex.quote(_FORMAT)}")
        if log != "-":
            told.append(f"--req-logger file:{log}")
    return [*told, *words(web), f"--module {shlex.quote(web.app)}"]


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    installed.require_program(_PROGRAM, "web.server")
    installed.require_module(web.app.partition(":")[0], "web.app")
    lines = [
        "# What it imports is compiled already.",
        "PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1",
        "export PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED",
        'cd "$root"',
        # While it starts it hears no signal: so it tells itself when it is ready, and until then
        # systemd does not count it as started.
        f'exec {listening(layout, "telling")} "{address(web, layout)}" \\',
        f'    "$root/{_PROGRAM}" \\',
        " \\\n".join(f"    {argument}" for argument in _arguments(web, layout)),
    ]
    # Its own limit, the mercy, is not looked at while it ends.
    return replace(server_process(web, lines), waits=True)


UWSGI = WebServer(
    process=_process,
    interfaces=("wsgi",),
    launched=frozenset(
        {
            "-s",
            "--socket",
            "--uwsgi-socket",
            "--http-socket",
            "--http",
            "--https",
            "-d",
            "--daemonize",
            "--daemonize2",
            "-w",
            "--module",
            "--wsgi",
            "--wsgi-file",
        }
    ),
    takes=frozenset(
        {
            "workers",
            "threads",
            "options",
            "limits.body",
            "limits.request",
            "limits.graceful",
            "access-log",
        }
    ),
    requirements=("uwsgi",),
    attributes=False,
    speaks="uwsgi",
)
