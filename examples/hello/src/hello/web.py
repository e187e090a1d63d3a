"""The WSGI app: ``/`` counts and shows visits, ``/health`` tells whether all is well."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable
from typing import Any

from hello import __version__, config, database, health

Start = Callable[[str, list[tuple[str, str]]], Any]

PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
<h1>{title}</h1>
<p>This page was visited <strong id="visits">{visits}</strong> {times}.</p>
<footer>hello {version}</footer>
</body>
</html>
"""


def page(title: str, visits: int) -> str:
    """Return the page; ``title`` is text, not HTML."""
    return PAGE.format(
        title=html.escape(title),
        visits=visits,
        times="time" if visits == 1 else "times",
        version=html.escape(__version__),
    )


def application(environ: dict[str, Any], start_response: Start) -> Iterable[bytes]:
    """Answer one request."""
    method, path = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/")
    if path not in ("/", "/health"):
        status, kind, text = "404 Not Found", "text/plain", "not found\n"
    elif method not in ("GET", "HEAD"):
        status, kind, text = "405 Method Not Allowed", "text/plain", "only GET and HEAD\n"
    elif path == "/health":
        healthy, found = health.report(config.load())
        status = "200 OK" if healthy else "503 Service Unavailable"
        kind, text = "application/json", json.dumps(found) + "\n"
    else:
        settings = config.load()
        counted = database.count if method == "HEAD" else database.visit
        status, kind = "200 OK", "text/html"
        text = page(settings.title, counted(settings.database))
    body = text.encode()
    headers = [
        ("Content-Type", f"{kind}; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Cache-Control", "no-store"),
    ]
    if status.startswith("405"):
        headers.append(("Allow", "GET, HEAD"))
    start_response(status, headers)
    return [] if method == "HEAD" else [body]
