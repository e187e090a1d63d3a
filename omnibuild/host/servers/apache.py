"""Apache httpd with mod_wsgi, for WSGI: the app is in processes of its own, beside httpd's.

A reload starts another httpd on the same socket. By its own graceful restart mod_wsgi would end the
app's processes while they are asked something.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed
from omnibuild.host.servers.server import (
    WebServer,
    body,
    grace,
    reloaded_by_prefork,
    require_app,
    words,
    workers,
)
from omnibuild.host.template import render
from omnibuild.recipe.models import Web

START = "start_apache.py"
# What mod_wsgi loads in each of the app's processes.
LOADED = "serve_wsgi.py"
_PROGRAM = "sbin/httpd"
# As mod_wsgi and httpd have them by themselves.
_THREADS = 15
_IDLE = 5
# Whoever reaches the socket is the proxy: it tells the client's address and scheme.
_PROXIED = """
WSGITrustedProxyHeaders X-Forwarded-For X-Forwarded-Proto
"""
# Behind a proxy on a socket, the address of the connection says nothing about the client.
_CLIENT, _PROXIED_CLIENT = "%a", "%{X-Forwarded-For}i"


def _path(layout: Layout) -> str:
    return f"{layout.etc}/httpd.conf"


def _configuration(web: Web, layout: Layout) -> Mapping[str, str]:
    limits = web.limits
    # By the one the client is told, by the other a process ends whose threads are all held up.
    seconds = limits.request
    told = f" socket-timeout={seconds} request-timeout={seconds}" if seconds else ""
    values = {
        "APP": layout.app,
        "PROXIED": _PROXIED if web.proxy else "",
        "CLIENT": _PROXIED_CLIENT if web.proxy else _CLIENT,
        "LOG": _log(web),
        "BODY": str(body(web)) if not web.proxy else "0",
        "IDLE": str(_IDLE if web.proxy else limits.keep_alive or _IDLE),
        "GRACE": str(grace(web)),
        "THREADS": str(web.threads or _THREADS),
        "TOLD": told,
        "LOADED": LOADED,
    }
    return {_path(layout): render("httpd.conf.in", values)}


def _log(web: Web) -> str:
    """Return where requests are logged: a file is the proxy's, where there is one."""
    if web.access_log in (None, "journal"):
        return 'CustomLog "${HTTPD_OUT}" requests'
    if web.access_log == "off" or web.proxy:
        return "# Requests are not logged here."
    return 'CustomLog "${HTTPD_LOGS}/access.log" requests'


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    installed.require_program(_PROGRAM, "web.server")
    require_app(web, installed, "mod_wsgi")
    state, etc = layout.variable("STATE"), _path(layout)
    values = {
        "HTTPD_ROOT": "$root",
        "HTTPD_ETC": "${configuration%/*}",
        "HTTPD_RUNTIME": f"${layout.variable('RUNTIME')}",
        "HTTPD_LOGS": f"${{{layout.variable('LOGS')}:-{layout.logs}}}",
        "HTTPD_PROCESSES": workers(web),
        "HTTPD_APP": shlex.quote(web.app),
        "HTTPD_PYTHON": f"$root/bin/{layout.python}",
        # By itself its interpreter cannot read paths beyond ASCII.
        "HTTPD_LOCALE": "${LC_ALL:-${LANG:-C.UTF-8}}",
        # What is imported is compiled already.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    lines = [
        f"configuration={etc}",
        f'[ "${state}" = {layout.state} ] || configuration=${state}/etc/httpd.conf',
        '[ -e "$configuration" ] || configuration=$root/etc/httpd.conf',
        *(f"{name}={value}" for name, value in values.items()),
        f"export {' '.join(values)}",
    ]
    arguments = [
        '"$HTTPD_PROCESSES"',
        f'"$root/{_PROGRAM}" -d "$root" -f "$configuration" -DFOREGROUND',
        *words(web),
    ]
    process = reloaded_by_prefork(
        web, layout, START, arguments, before=lines, number="1", beside=(LOADED,)
    )
    return replace(process, judges=True)


APACHE = WebServer(
    process=_process,
    interfaces=("wsgi",),
    launched=frozenset({"-k", "-X", "-d", "-f"}),
    takes=frozenset(
        {
            "workers",
            "threads",
            "options",
            "limits.body",
            "limits.request",
            "limits.keep-alive",
            "limits.graceful",
            "access-log",
        }
    ),
    # From here on it has all that its configuration says.
    requirements=("mod_wsgi>=5",),
    components=("httpd",),
    configuration=_configuration,
)
