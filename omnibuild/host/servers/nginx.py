"""nginx as the reverse proxy: it listens where the recipe says, and nowhere else."""

from __future__ import annotations

from omnibuild.host.layout import Layout
from omnibuild.host.model import Certificate, Process
from omnibuild.host.servers import certificates
from omnibuild.host.servers.server import LISTEN, Option, WebServer, listening
from omnibuild.host.template import render
from omnibuild.recipe.models import Web

COMPONENT = "nginx"

_HTTP = """            proxy_pass http://web;
            proxy_http_version 1.1;
            {connection}
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_redirect off;
"""
_UWSGI = """            uwsgi_pass web;
            include "{prefix}/etc/nginx/uwsgi_params";
            uwsgi_param UWSGI_SCHEME $scheme;
"""
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
_KEPT = """    map $uri $kept {
        default no-cache;
        "~[.-](?:[0-9a-f]{10,64}|[0-9A-Z]{8})\\.[^/]+$" "public, max-age=31536000, immutable";
    }
"""
_TYPES = """
    include "{prefix}/etc/nginx/mime.types";
"""
# A block with headers of its own has none of those around it: the operators' are read again.
_STATIC = """        location ^~ {location} {{
            alias "{prefix}/{directory}/";
            etag off;
            if_modified_since off;
            add_header Last-Modified "";
            add_header Cache-Control $kept;
            include "{etc}/nginx-headers*.conf";
        }}

"""


# What users have uploaded is theirs: it is shown, but runs no scripts in the app's name, and leads
# nowhere else.
_MEDIA = """        location ^~ {location} {{
            alias "{state}/{directory}/";
            disable_symlinks on from="{state}/{directory}";
            add_header X-Content-Type-Options nosniff;
            add_header Content-Security-Policy "default-src 'none'; sandbox";
            include "{etc}/nginx-headers*.conf";
        }}

"""
# Names of what ``libexec/tls`` makes of the host's files.
_TLS = """ ssl;
        http2 on;
        ssl_certificate "{directory}/certificate.pem";
        ssl_certificate_key "{directory}/key.pem";
        ssl_protocols TLSv1.2 TLSv1.3;
        ssl_session_cache shared:tls:4m"""
_REDIRECT = """
    # Plain HTTP is answered by the way to HTTPS.
    server {{
        listen {listen};
        return 301 https://$host{port}$request_uri;
    }}
"""
_HTTPS = "443"
# As it stands behind `listen`, for sed.
_ADDRESS = "[^ ;]*"
_LIMITS = (
    ("request", "proxy_read_timeout {0}; uwsgi_read_timeout {0};"),
    ("keep_alive", "keepalive_timeout {};"),
)
# Megabytes that a request may bring, and seconds that what it was asked may take when it ends.
_BODY = 16
_GRACE = 20


def takes(web: Web) -> frozenset[Option]:
    """Return the options of ``[web]`` that it honours for whatever server is behind it."""
    found: set[Option] = {"static", "media", "tls"}
    found |= {"limits.body", "limits.request", "limits.keep-alive"}
    if web.access_log == "file":
        found.add("access-log")
    return frozenset(found)


def path(layout: Layout) -> str:
    """Return where operators find its configuration."""
    return f"{layout.etc}/nginx.conf"


def configuration(web: Web, layout: Layout, server: WebServer) -> str:
    """Return ``nginx.conf``; nginx runs as the app's user and writes below its own directories.

    Args:
        web: where it listens, and what it answers from files.
        layout: the app's names.
        server: what is behind it.
    """
    return render(
        "nginx.conf.in",
        {
            "APP": layout.app,
            "ETC": layout.etc,
            "GRACE": str(_grace(web)),
            "STATE": layout.state,
            "RUNTIME": layout.runtime,
            "LISTEN": web.listen
            + (_TLS.format(directory=certificates.directory(layout)) if web.tls else ""),
            "REDIRECT": _redirect(web),
            "BODY": str(web.limits.body or _BODY),
            "LIMITS": _limits(web),
            "LOG": f'"{layout.logs}/access.log"' if web.access_log == "file" else "off",
            "UPGRADES": (_UPGRADES if server.upgrades else "") + _types(web, layout),
            "STATIC": "".join(
                _STATIC.format(
                    location=location, prefix=layout.prefix, directory=directory, etc=layout.etc
                )
                for location, directory in web.static.items()
            )
            + "".join(
                _MEDIA.format(
                    location=location, state=layout.state, directory=directory, etc=layout.etc
                )
                for location, directory in web.media.items()
            ),
            "PASS": _pass(layout, server),
        },
    )


def _redirect(web: Web) -> str:
    if not web.tls or not web.tls.redirect:
        return ""
    port = web.listen.rpartition(":")[2]
    return _REDIRECT.format(listen=web.tls.redirect, port="" if port == _HTTPS else f":{port}")


def _pass(layout: Layout, server: WebServer) -> str:
    if server.speaks == "uwsgi":
        return _UWSGI.format(prefix=layout.prefix)
    return _HTTP.format(connection=_UPGRADED if server.upgrades else _PLAIN)


def _grace(web: Web) -> int:
    return web.limits.graceful or _GRACE


def _limits(web: Web) -> str:
    said = ((directive, getattr(web.limits, name)) for name, directive in _LIMITS)
    return "".join(f"    {directive.format(value)}\n" for directive, value in said if value)


def _types(web: Web, layout: Layout) -> str:
    """Return what tells the types of files, where it answers from some."""
    found = _TYPES.format(prefix=layout.prefix) if web.static or web.media else ""
    return found + (_KEPT if web.static else "")


def process(web: Web, layout: Layout) -> Process:
    """Return its process."""
    state = layout.variable("STATE")
    # Without an interpreter nothing keeps its sockets.
    keeps = bool(layout.python)
    lines = [
        "# Who is told to stop while it starts shall not die of it.",
        "trap '' QUIT",
        "mkdir -p " + " ".join(f'"${state}/{one}"' for one in ("nginx", *web.media.values())),
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
        redirect=web.tls.redirect if web.tls else "",
        certificate=Certificate(web.tls.certificate, web.tls.key) if web.tls else None,
        is_server=True,
        keeps_sockets=keeps,
        reloads=True,
        checks_reload=True,
        helpers=(LISTEN,) if keeps else (),
        grace=_grace(web),
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


def _alone_with_tls(layout: Layout) -> list[str]:
    return [f'"$root/libexec/{certificates.PROGRAM}" "$runtime/tls"']


def _sed_of_tls(layout: Layout) -> list[str]:
    """Return what leaves out the redirection: there is one address."""
    return [
        "    -e '/# Plain HTTP is answered/,/^    }/d' \\",
        f'    -e "s|{certificates.directory(layout)}/|$runtime/tls/|" \\',
    ]


def _alone(web: Web, layout: Layout) -> str:
    """Return shell of the runner: the same configuration for another place."""
    # nginx cannot quote each letter that a directory may have: symlinks have plain names.
    places = (
        (layout.prefix, "$runtime/app"),
        (layout.state, "$runtime/state"),
        (layout.logs, "$runtime/state"),
        (layout.etc, "$runtime/etc"),
    )
    return "\n".join(
        [
            # The first request shall find the server there.
            "patience=100",
            'until [ -S "$runtime/web.sock" ] || [ -n "$stopping" ] || [ "$patience" -le 0 ]; do',
            '    for process in $running; do kill -0 "$process" 2>/dev/null || patience=0; done',
            "    patience=$((patience - 1))",
            "    sleep 0.1",
            "done",
            'ln -s -- "$root" "$runtime/app"',
            'ln -s -- "$state" "$runtime/state"',
            'ln -s -- "$etc" "$runtime/etc"',
            "configuration=$etc/nginx.conf",
            '[ -e "$configuration" ] || configuration=$root/etc/nginx.conf',
            *(_alone_with_tls(layout) if web.tls else ()),
            f'sed -e "s|listen {_ADDRESS}|listen $listen|" -e "s|{layout.runtime}/|$runtime/|" \\',
            *(_sed_of_tls(layout) if web.tls else ()),
            *(f'    -e "s|\\"{place}/|\\"{moved}/|" \\' for place, moved in places),
            '    "$configuration" >"$runtime/nginx.conf"',
            # Root's nginx would hand requests to a user who cannot reach the socket.
            'set -- -c "$runtime/nginx.conf"',
            'if [ "$(id -u)" -eq 0 ]; then set -- "$@" -g "user root;"; fi',
            f'"$root/bin/{layout.app}-{COMPONENT}" "$@" &',
            'running="$running $!"',
        ]
    )
