"""Runs gunicorn behind the proxy: the client of a request is the one that the proxy tells.

This module is a program of hosts: it is installed in ``libexec`` and runs with the packaged
interpreter and the app's own gunicorn, whose words and settings it takes. Gunicorn believes a proxy
the scheme, but never the client: on a socket that is a path ``REMOTE_ADDR`` is empty.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import iscoroutinefunction
from typing import Any

from gunicorn.app.wsgiapp import WSGIApplication


class Proxied(WSGIApplication):  # type: ignore[misc] # gunicorn is the app's
    """Gunicorn's command, whose app is told the client."""

    def load(self) -> Any:
        """Return the app; one for ASGI, which a worker of another package runs, as it is."""
        app: Any = super().load()
        if iscoroutinefunction(app) or iscoroutinefunction(app.__call__):
            return app

        def serve(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            # Whoever reaches the socket is the proxy.
            environ["REMOTE_ADDR"] = environ.get("HTTP_X_FORWARDED_FOR", "")
            served: Iterable[bytes] = app(environ, start)
            return served

        return serve


if __name__ == "__main__":
    Proxied("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").run()
