"""Serves a WSGI app by Twisted on the socket that is descriptor 3; restarts drop nobody.

This module is a program of hosts: it is installed in ``libexec`` and runs with the packaged
interpreter and the app's own Twisted. Twisted's command ends without answering what it was asked,
and writes a cache of plugins beside the packages.

    start_twisted LOG PROXIED THREADS IDLE SECONDS APP

LOG is ``-``, ``off`` or a file; PROXIED is ``proxied`` or empty; a connection may be IDLE so long;
SECONDS are for what it was asked when it is told to end.
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
from typing import Any, TextIO

from twisted.internet import reactor
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.logger import globalLogBeginner, textFileLogObserver
from twisted.web import http, server
from twisted.web.wsgi import WSGIResource

SOCKET = 3
# Who connected to a server that ends has this long to say what it wants.
PATIENCE = 1
PAUSE = 0.05

for stream in (sys.stdout, sys.stderr):
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(line_buffering=True)


class Channel(http.HTTPChannel):  # type: ignore[misc] # Twisted is the app's
    """A connection that its site knows, so that it can be ended when nobody waits for it."""

    began = 0.0
    has_asked = False

    def connectionMade(self) -> None:  # noqa: N802
        """Let the site know."""
        self.began = time.monotonic()
        self.factory.channels.add(self)
        super().connectionMade()

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Take note of the first request."""
        self.has_asked = True
        super().dataReceived(data)

    def connectionLost(self, reason: Any) -> None:  # noqa: N802
        """Let the site know."""
        self.factory.channels.discard(self)
        super().connectionLost(reason)

    def checkPersistence(self, request: Any, version: bytes) -> bool:  # noqa: N802
        """Tell clients of a server that ends to connect anew."""
        return not self.factory.ends and bool(super().checkPersistence(request, version))

    def end(self) -> None:
        """End the connection, if its client waits for nothing, and had a chance."""
        if not self.requests and (self.has_asked or time.monotonic() - self.began > PATIENCE):
            self.loseConnection()


class Request(server.Request):  # type: ignore[misc] # Twisted is the app's
    """A request by way of a proxy: WSGI wants a host and a port, its socket is a path."""

    def getClientAddress(self) -> IPv4Address:  # noqa: N802
        """Return no address: the proxy tells the client's."""
        return IPv4Address("TCP", "", 0)

    def getHost(self) -> IPv4Address:  # noqa: N802
        """Return what stands where the client said no name."""
        return IPv4Address("TCP", "localhost", 80)


class Site(server.Site):  # type: ignore[misc] # Twisted is the app's
    """A site that ends when all was answered, and logs requests to a stream."""

    def __init__(self, resource: Any, log: TextIO | None, idle: int, *, proxied: bool) -> None:
        formatter = http.proxiedLogFormatter if proxied else http.combinedLogFormatter
        kind = Request if proxied else server.Request
        super().__init__(resource, kind, timeout=idle, logFormatter=formatter)
        self.channels: set[Channel] = set()
        self.ends = False
        self.stream = log

    def buildProtocol(self, address: Any) -> Channel:  # noqa: N802
        """Return a connection."""
        channel = Channel()
        channel.factory = channel.site = self
        channel.requestFactory = self.requestFactory
        channel.timeOut = self.timeOut
        channel.callLater = reactor.callLater
        return channel

    def log(self, request: Any) -> None:
        """Log a request."""
        if self.stream:
            self.stream.write(self._logFormatter(self._logDateTime, request) + "\n")


def told_by_proxy(app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Return an app whose client and scheme are those that the proxy tells."""

    def serve(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = environ.get("HTTP_X_FORWARDED_FOR", "")
        environ["wsgi.url_scheme"] = environ.get("HTTP_X_FORWARDED_PROTO", "http")
        if environ["wsgi.url_scheme"] == "https":
            environ["HTTPS"] = "on"
        return app(environ, start)

    return serve


def ended(site: Site, port: Any, seconds: int) -> Deferred[None]:
    """Stop to accept, and return when all was answered or the time is over."""
    site.ends = True
    # It is not closed: Twisted would remove the path of a socket that others serve on.
    port.stopReading()
    until = time.monotonic() + seconds

    def look() -> None:
        for channel in list(site.channels):
            channel.end()
        if not site.channels or time.monotonic() > until:
            looking.stop()

    looking = LoopingCall(look)
    done: Deferred[None] = Deferred()
    looking.start(PAUSE).addBoth(lambda _: done.callback(None))
    return done


def main(log: str, proxied: str, threads: str, idle: str, seconds: str, name: str) -> None:
    """Serve until told otherwise."""
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    app = pkgutil.resolve_name(name.removesuffix("()"))
    if name.endswith("()"):
        app = app()
    stream = sys.stdout if log == "-" else None
    if log not in ("-", "off"):
        stream = open(log, "a", buffering=1, encoding="utf-8")  # noqa: SIM115
    reactor.suggestThreadPoolSize(int(threads))
    resource = WSGIResource(
        reactor, reactor.getThreadPool(), told_by_proxy(app) if proxied else app
    )
    site = Site(resource, stream, int(idle), proxied=bool(proxied))
    with socket.socket(fileno=os.dup(SOCKET)) as listening:
        family = listening.family
    port = reactor.adoptStreamPort(SOCKET, family, site)
    reactor.addSystemEventTrigger("before", "shutdown", ended, site, port, int(seconds))
    reactor.callWhenRunning(os.kill, os.getppid(), signal.SIGRTMIN)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
