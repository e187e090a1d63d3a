"""nginx as the reverse proxy: it listens where the recipe says, and nowhere else."""

from __future__ import annotations

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.servers.server import LISTEN, listening
from omnibuild.host.template import render
from omnibuild.recipe.models import Web

COMPONENT = "nginx"

_PLAIN = 'proxy_set_header Connection "";'
_UPGRADED = """proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $upgraded;"""
_UPGRADES = """
    # Who asks for another protocol, as WebSockets, is passed on so; all else is plain HTTP.
    map $http_upgrade $upgraded {
        default upgrade;
        '' '';
    }
"""
# All files of a package have one time, whatever is in them: a browser that asks by time or size
# would keep an old file. Names that change with their contents can be kept for ever.
_FILES = """
    include "{prefix}/etc/nginx/mime.types";
    map $uri $kept {{
        default no-cache;
        "~[.-](?:[0-9a-f]{{10,64}}|[0-9A-Z]{{8}})\\.[^/]+$" "public, max-age=31536000, immutable";
    }}
"""
_STATIC = """        location ^~ {location} {{
            alias "{prefix}/{directory}/";
            etag off;
            if_modified_since off;
            add_header Last-Modified "";
            add_header Cache-Control $kept;
        }}

"""


def path(layout: Layout) -> str:
    """Return where operators find its configuration."""
    return f"{layout.etc}/nginx.conf"


def configuration(web: Web, layout: Layout, *, upgrades: bool) -> str:
    """Return ``nginx.conf``; nginx runs as the app's user and writes below its own directories.

    Args:
        web: where it listens, and what it answers from files.
        layout: the app's names.
        upgrades: whether the server behind it speaks more than HTTP on a connection.
    """
    return render(
        "nginx.conf.in",
        {
            "APP": layout.app,
            "STATE": layout.state,
            "RUNTIME": layout.runtime,
            "LISTEN": web.listen,
            "UPGRADES": (_UPGRADES if upgrades else "") + (_files(layout) if web.static else ""),
            "STATIC": "".join(
                _STATIC.format(location=location, prefix=layout.prefix, directory=directory)
                for location, directory in web.static.items()
            ),
            "CONNECTION": _UPGRADED if upgrades else _PLAIN,
        },
    )


def _files(layout: Layout) -> str:
    return _FILES.format(prefix=layout.prefix)


def process(web: Web, layout: Layout) -> Process:
    """Return its process."""
    state = layout.variable("STATE")
    # Without an interpreter nothing keeps its sockets.
    keeps = bool(layout.python)
    lines = [
        "# Who is told to stop while it starts shall not die of it.",
        "trap '' QUIT",
        f'mkdir -p "${state}/nginx"',
        "# systemd asks first whether it could read its configuration again.",
        "way=nginx",
        'if [ "${1:-}" = reload ]; then way=reload; shift; fi',
        f'set -- "$root/sbin/nginx" -p "${state}/nginx/" -e stderr \\',
        f'    -c {path(layout)} "$@"',
        *_started(layout, keeps_sockets=keeps),
    ]
    return Process(
        COMPONENT,
        "reverse proxy",
        "\n".join(lines),
        address=web.listen,
        is_server=True,
        keeps_sockets=keeps,
        reloads=True,
        checks_reload=True,
        helpers=(LISTEN,) if keeps else (),
        quits=True,
        alone=_alone(web, layout),
    )


def _started(layout: Layout, *, keeps_sockets: bool) -> list[str]:
    """Return shell that becomes the command in ``$@``, or tells whether it could be reloaded."""
    if not keeps_sockets:
        return ['[ "$way" = nginx ] || set -- "$@" -t', 'exec "$@"']
    how = f'"$way" "${layout.variable("RUNTIME")}/nginx.addresses"'
    return [
        'if [ -n "${NOTIFY_SOCKET:-}" ] || [ "$way" = reload ]; then',
        f'    set -- {listening(layout, how)} "$@"',
        "fi",
        'exec "$@"',
    ]


def _alone(web: Web, layout: Layout) -> str:
    """Return shell of the runner: the same configuration for another place."""
    files = [f'    -e "s|\\"{layout.prefix}/|\\"$root/|" \\'] if web.static else []
    return "\n".join(
        [
            # The first request shall find the server there.
            "patience=100",
            'until [ -S "$runtime/web.sock" ] || [ -n "$stopping" ] || [ "$patience" -le 0 ]; do',
            '    for process in $running; do kill -0 "$process" 2>/dev/null || patience=0; done',
            "    patience=$((patience - 1))",
            "    sleep 0.1",
            "done",
            f'sed -e "s|listen .*;|listen $listen;|" -e "s|{layout.runtime}/|$runtime/|" \\',
            *files,
            '    "$root/etc/nginx.conf" >"$runtime/nginx.conf"',
            # Root's nginx would hand requests to a user who cannot reach the socket.
            'set -- -c "$runtime/nginx.conf"',
            'if [ "$(id -u)" -eq 0 ]; then set -- "$@" -g "user root;"; fi',
            f'"$root/bin/{layout.app}-{COMPONENT}" "$@" &',
            'running="$running $!"',
        ]
    )
