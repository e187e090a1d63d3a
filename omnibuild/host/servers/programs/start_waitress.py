"""Starts waitress on the socket that is descriptor 3, so that reloads and restarts drop nobody.

This module is a program of hosts: it is installed in ``libexec`` and runs with the packaged
interpreter and the app's own waitress. By itself waitress ends without answering what it was asked,
and logs no requests.

    start_waitress LOG SECONDS [WORD...] APP

LOG is ``-``, ``off`` or a file; the words are those of waitress-serve; SECONDS are for what it was
asked when it is told to end.
"""

from __future__ import annotations

import io
import os
import pkgutil
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Any, TextIO

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import create_server

SOCKET = 3
# Who connected to a server that ends has this long to say what it wants.
PATIENCE = 1

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(line_buffering=True)


def logged(app: Callable[..., Iterable[bytes]], log: TextIO) -> Callable[..., Iterable[bytes]]:
    """Return an app whose requests are logged when their answer begins, in the common format."""

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        def begin(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            size = next((value for name, value in headers if name.lower() == "content-length"), "-")
            when = time.strftime("%d/%b/%Y:%H:%M:%S %z")
            path = environ.get("REQUEST_URI") or environ["PATH_INFO"]
            asked = f"{environ['REQUEST_METHOD']} {path} {environ['SERVER_PROTOCOL']}"
            client = environ.get("REMOTE_ADDR", "-")
            line = f'{client} - - [{when}] "{asked}" {status.partition(" ")[0]} {size}'
            log.write(line.encode("ascii", "backslashreplace").decode() + "\n")
            return start(status, headers, *error)

        return app(environ, begin)

    return serve


def is_idle(channel: Any) -> bool:
    """Tell whether a connection can be ended: its client waits for nothing, and had a chance."""
    if channel.requests or channel.request or channel.total_outbufs_len:
        return False
    asked = channel.last_activity != channel.creation_time
    return bool(asked or time.time() - channel.creation_time > PATIENCE)


def serve(server: Any, seconds: int) -> None:
    """Serve until told by TERM, and then answer what was asked."""
    ends = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal ends
        ends = True
        server.pull_trigger()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)

    def turn(timeout: float) -> None:
        wasyncore.loop(timeout, server.asyncore_use_poll, server._map, 1)

    os.kill(os.getppid(), signal.SIGRTMIN)
    while not ends:
        turn(1)
    # Others go on with the socket, or are about to.
    server.del_channel()
    until = time.monotonic() + seconds
    while server.active_channels and time.monotonic() < until:
        for channel in list(server.active_channels.values()):
            channel.will_close = channel.will_close or is_idle(channel)
        turn(0.05)


def main(log: str, seconds: str, *words: str) -> None:
    """Serve until told otherwise."""
    settings, (name,) = Adjustments.parse_args(list(words))
    for only_of_its_command in ("help", "call", "app"):
        settings.pop(only_of_its_command, None)
    app = pkgutil.resolve_name(name.removesuffix("()"))
    if name.endswith("()"):
        app = app()
    if log == "-":
        app = logged(app, sys.stdout)
    elif log != "off":
        app = logged(app, open(log, "a", buffering=1, encoding="utf-8"))  # noqa: SIM115
    server = create_server(app, sockets=[socket.socket(fileno=SOCKET)], **settings)
    server.asyncore_use_poll = True
    serve(server, int(seconds))


if __name__ == "__main__":
    main(*sys.argv[1:])
