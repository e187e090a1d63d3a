"""Starts uvicorn on the socket that is descriptor 3, so that reloads and restarts drop nobody.

This module is a program of hosts: it is installed in ``libexec`` and runs with the packaged
interpreter and the app's own uvicorn, of which it uses only what is documented.

    start_uvicorn WORKERS LOG [WORD...] APP

LOG is ``-``, ``off`` or a file; the words are those of uvicorn's own command line.
"""

from __future__ import annotations

import copy
import io
import os
import signal
import socket
import sys
from types import FrameType
from typing import Any

import uvicorn
from click.core import ParameterSource
from uvicorn.config import LOGGING_CONFIG
from uvicorn.protocols.http.auto import AutoHTTPProtocol

SOCKET = 3
# For how long the import of an app may take; seconds.
START = 120
# Who connected to a server that ends has this long to say what it wants.
PATIENCE = 1

# Workers are processes of their own, which run this, too: what they print is due at once.
for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(line_buffering=True)


class PatientProtocol(AutoHTTPProtocol):  # type: ignore[misc] # uvicorn is the app's
    """HTTP as uvicorn speaks it, but a connection is not closed before its first request came."""

    is_new = True

    def data_received(self, data: bytes) -> None:
        """Take note of the first request."""
        self.is_new = False
        super().data_received(data)

    def shutdown(self) -> None:
        """End the connection, later if it was only just accepted: its client had no chance."""
        if self.is_new:
            self.is_new = False
            self.loop.call_later(PATIENCE, self.shutdown)
        elif not self.transport.is_closing():
            super().shutdown()


def answer_at_once() -> None:
    """Let small parts of an answer go without waiting; connections inherit it from their socket."""
    with socket.socket(fileno=os.dup(SOCKET)) as listening:
        if listening.family != socket.AF_UNIX:
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def serve_alone(config: uvicorn.Config) -> None:
    """Serve by this one process. HUP begins it anew; clients wait in the socket's queue."""
    server = uvicorn.Server(config)
    again = False

    def begin_anew(number: int, frame: FrameType | None) -> None:
        nonlocal again
        again = server.should_exit = True

    signal.signal(signal.SIGHUP, begin_anew)
    server.run()
    if again:
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606
    if not server.started:
        sys.exit(1)


def told(words: list[str]) -> dict[str, Any]:
    """Return the settings that words of uvicorn's command line say, and no others."""
    context = uvicorn.main.make_context("uvicorn", words)
    settings = {
        name: value
        for name, value in context.params.items()
        if context.get_parameter_source(name) == ParameterSource.COMMANDLINE
    }
    if "headers" in settings:
        settings["headers"] = [header.split(":", 1) for header in settings["headers"]]
    return settings


def logging(where: str) -> dict[str, Any]:
    """Return settings that log requests: to ``-``, to a file, or not at all (``off``)."""
    if where in ("-", "off"):
        return {"access_log": where == "-"}
    config = copy.deepcopy(LOGGING_CONFIG)
    config["formatters"]["access"]["fmt"] = f"%(asctime)s {config['formatters']['access']['fmt']}"
    config["handlers"]["access"] = {
        "class": "logging.FileHandler",
        "formatter": "access",
        "filename": where,
    }
    return {"log_config": config}


def main(workers: str, log: str, *words: str) -> None:
    """Serve until told otherwise."""
    if not workers.isdecimal() or not int(workers):
        sys.exit(f"WEB_CONCURRENCY is no number of processes: {workers}")
    *options, app = words
    settings: dict[str, Any] = {
        "fd": SOCKET,
        "http": PatientProtocol,
        "timeout_worker_healthcheck": START,
        "use_colors": False,
        **logging(log),
        **told([*options, app]),
        "app": app.removesuffix("()"),
        "factory": app.endswith("()"),
        "workers": int(workers),
    }
    answer_at_once()
    if settings["workers"] == 1:
        serve_alone(uvicorn.Config(**settings))
    else:
        # It starts processes and replaces them one by one when told by HUP.
        uvicorn.run(**settings)


if __name__ == "__main__":
    main(*sys.argv[1:])
