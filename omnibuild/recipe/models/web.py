"""How an app is served over HTTP."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from omnibuild.recipe.fields import BelowApp, HostPath, Line, Listen, Location, OptionalLine
from omnibuild.recipe.models.base import Model
from omnibuild.recipe.models.services import Resources

# Server processes, if a recipe does not say how many.
WORKERS = 2


class Limits(Model, frozen=True, kw_only=True):
    """``[web.limits]``: what a client may ask, and for how long; the server's own word if unset."""

    body: (
        Annotated[
            int, Meta(description="Largest body of a request, in megabytes.", ge=1, le=1 << 20)
        ]
        | None
    ) = None
    request: (
        Annotated[int, Meta(description="Seconds that an answer may take.", ge=1, le=86400)] | None
    ) = None
    keep_alive: (
        Annotated[
            int,
            Meta(description="Seconds that a connection of a client may be idle.", ge=1, le=3600),
        ]
        | None
    ) = None
    graceful: (
        Annotated[
            int,
            Meta(
                description="Seconds that requests at hand may take when the server ends.",
                ge=1,
                le=600,
            ),
        ]
        | None
    ) = None


class Tls(Model, frozen=True, kw_only=True):
    """``[web.tls]``: HTTPS with a certificate of the host; the package has neither of the files."""

    certificate: Annotated[
        HostPath,
        Meta(
            description="PEM file of the host with the certificate and what it is signed by.",
            examples=["/etc/shop/tls/certificate.pem"],
        ),
    ]
    key: Annotated[
        HostPath,
        Meta(
            description="PEM file of the host with the key; only root has to be able to read it.",
            examples=["/etc/shop/tls/key.pem"],
        ),
    ]
    redirect: Annotated[
        Listen | Literal[""],
        Meta(
            description="Address and port where plain HTTP is answered by the way to HTTPS.",
            examples=["0.0.0.0:80"],
        ),
    ] = ""


class Web(Model, frozen=True, kw_only=True):
    """``[web]``: how the app is served over HTTP."""

    server: Annotated[
        Literal[
            "gunicorn", "waitress", "uwsgi", "apache", "twisted", "uvicorn", "hypercorn", "own"
        ],
        Meta(
            description="gunicorn, waitress, uwsgi, apache or twisted for WSGI, uvicorn for ASGI,"
            " hypercorn for both, or `own`: the app is its own server; docs/guides/servers.md says"
            " when to take which."
        ),
    ]
    app: Annotated[
        str,
        Meta(
            description="`module:callable` that the server serves.",
            pattern=r"^(\w+(\.\w+)*:\w+(\.\w+)*(\(\))?)?\Z",
            examples=["shop.wsgi:application"],
        ),
    ] = ""
    command: Annotated[
        OptionalLine,
        Meta(
            description="What starts an app that is its own server, as for services. In it stand"
            " `{listen}`, `{host}` and `{port}` for where to listen; behind a proxy `{path}`, a"
            " socket in the file system; and `{workers}`.",
            examples=["shop --bind {listen}"],
        ),
    ] = ""
    socket: Annotated[
        bool,
        Meta(
            description="Whether an app that is its own server takes its socket as systemd passes"
            " one, descriptor 3: then no client is refused while it restarts."
        ),
    ] = False
    proxy: Annotated[
        Literal["nginx"] | None, Meta(description="A reverse proxy in front, or none.")
    ] = None
    listen: Annotated[Listen, Meta(description="Address and port that answer requests.")] = (
        "127.0.0.1:8080"
    )
    workers: (
        Annotated[int, Meta(description=f"Server processes; {WORKERS} if unset.", ge=1, le=256)]
        | None
    ) = None
    threads: (
        Annotated[int, Meta(description="Threads of each process that run the app.", ge=1, le=1024)]
        | None
    ) = None
    options: Annotated[
        tuple[Line, ...],
        Meta(
            description="Further words for the server, as its own documentation has them.",
            examples=[["--max-requests", "1000"]],
        ),
    ] = ()
    limits: Limits = field(default_factory=Limits)
    resources: Annotated[
        Resources, Meta(description="How much of a host the server may take; not so its proxy.")
    ] = field(default_factory=Resources)
    access_log: (
        Annotated[
            Literal["journal", "file", "off"],
            Meta(
                description="Where requests are logged: the journal, if unset; `access.log` in the"
                " app's directory below /var/log, which logrotate rotates; or nowhere."
            ),
        ]
        | None
    ) = None
    static: Annotated[
        dict[Location, BelowApp],
        Meta(
            description="Paths that nginx answers from files: each to a directory below the app's"
            ' own, as `{ "/static/" = "share/static" }`.'
        ),
    ] = field(default_factory=dict)
    media: Annotated[
        dict[Location, BelowApp],
        Meta(
            description="Paths that nginx answers from what users have uploaded: each to a"
            ' directory below the app\'s state, as `{ "/media/" = "media" }`.'
        ),
    ] = field(default_factory=dict)
    tls: Tls | UnsetType = UNSET
    health: Annotated[
        str,
        Meta(
            description="Path that answers 200 when all is well: hosts ask for it after each"
            " installation and upgrade, and say what else it answers.",
            pattern=r"^(/[^\s\x00-\x1f\x7f]*)?\Z",
            examples=["/health"],
        ),
    ] = ""
