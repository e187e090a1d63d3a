"""Starts hypercorn on the socket that is descriptor 3, so that reloads and restarts drop nobody.

This module is a program of hosts: it is installed in ``libexec`` and runs with the packaged
interpreter and the app's own hypercorn. By itself hypercorn drops clients that it has only just
accepted when it ends, and imports from the working directory.

    start_hypercorn THREADS PROXIED BODY [WORD...] APP

THREADS are for WSGI, 0 if they are Python's usual number; PROXIED is ``proxied`` or empty; BODY is
what the proxy lets through, in bytes, 0 if that is not said; the words are those of hypercorn's own
command line.
"""

from __future__ import annotations

import asyncio
import io
import os
import pkgutil
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import hypercorn.asyncio.run
from hypercorn import __main__ as command
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.config import Config
from hypercorn.events import Closed
from hypercorn.utils import wrap_app

SOCKET = 3
# Who connected to a server that ends has this long to say what it wants.
PATIENCE = 1
PAUSE = 0.1

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(line_buffering=True)


class PatientServer(TCPServer):  # type: ignore[misc] # hypercorn is the app's
    """A connection as hypercorn has it, but it is not closed before its first request came.

    And when it is closed after an answer, it reads no more: hypercorn would wait for nothing until
    all of the time for requests at hand is over.
    """

    is_new = True
    is_closed = False
    reading: asyncio.Task[None] | None = None

    async def protocol_send(self, event: Any) -> None:
        """Send, or close."""
        await super().protocol_send(event)
        if isinstance(event, Closed) and self.reading:
            self.is_closed = True
            self.reading.cancel()

    async def _read_data(self) -> None:
        self.reading = asyncio.ensure_future(super()._read_data())
        try:
            await self.reading
        except asyncio.CancelledError:
            if not self.is_closed:
                raise

    async def _idle_timeout(self) -> None:
        is_new, self.is_new = self.is_new, False
        if is_new:
            ended = self.context.terminated.wait()
            try:
                await asyncio.wait_for(ended, self.config.keep_alive_timeout)
                # A request that comes now cancels this.
                await asyncio.sleep(PATIENCE)
            except TimeoutError:
                pass
            await asyncio.shield(self._initiate_server_close())
        else:
            await super()._idle_timeout()


class Proxied:
    """An app whose client and scheme are those that the proxy tells."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, *others: Any) -> None:
        """Pass on a request."""
        headers = dict(scope.get("headers", ()))
        if client := headers.get(b"x-forwarded-for"):
            scope["client"] = (client.decode("latin-1"), 0)
        if scheme := headers.get(b"x-forwarded-proto"):
            secure = {"http": "https", "ws": "wss"}.get(scope["scheme"], scope["scheme"])
            scope["scheme"] = secure if scheme == b"https" else scope["scheme"]
        await self.app(scope, *others)


def answer_at_once() -> None:
    """Let small parts of an answer go without waiting; connections inherit it from their socket."""
    with socket.socket(fileno=os.dup(SOCKET)) as listening:
        if listening.family != socket.AF_UNIX:
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


async def told_to_end() -> None:
    """Return when told by TERM, and all that was accepted is known."""
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    os.kill(os.getppid(), signal.SIGRTMIN)
    await told.wait()
    # By itself hypercorn would forget those that it accepts in its last moment.
    loop.remove_reader(SOCKET)
    await asyncio.sleep(PAUSE)


async def serve(app: Any, config: Config, threads: int) -> None:
    """Serve until told by TERM, and then answer what was asked."""
    if threads:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads))
    await hypercorn.asyncio.run.worker_serve(app, config, shutdown_trigger=told_to_end)


def run(threads: int, proxied: str, body: int, config: Config) -> int:
    """Do what hypercorn's command does with its configuration."""
    if config.worker_class != "asyncio":
        sys.exit(f"hypercorn is started with asyncio, not with {config.worker_class}")
    config.bind = [f"fd://{SOCKET}"]
    name = config.application_path
    app = pkgutil.resolve_name(name.removesuffix("()"))
    if name.endswith("()"):
        app = app()
    # Its limit for WSGI would be the smaller one of the two.
    config.wsgi_max_body_size = max(config.wsgi_max_body_size, body)
    wrapped = wrap_app(app, config.wsgi_max_body_size, None)
    answer_at_once()
    asyncio.run(serve(Proxied(wrapped) if proxied else wrapped, config, threads))
    return 0


def main(threads: str, proxied: str, body: str, *words: str) -> None:
    """Serve until told otherwise."""
    hypercorn.asyncio.run.TCPServer = PatientServer
    command.run = partial(run, int(threads), proxied, int(body))
    sys.exit(command.main(list(words)))


if __name__ == "__main__":
    main(*sys.argv[1:])
