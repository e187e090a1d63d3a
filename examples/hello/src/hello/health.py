"""The health check: the database answers, and TLS verifies with the host's certificates."""

from __future__ import annotations

import socket
import sqlite3
import ssl

from hello import __version__, database
from hello.config import Config

TLS_TIMEOUT_SECONDS = 5


def report(config: Config) -> tuple[bool, dict[str, str]]:
    """Return whether all is well, and what was found."""
    checks = {"database": _database(config), "tls": _tls(config)}
    healthy = checks["database"] == "ok" and not checks["tls"].startswith("failed")
    status = "ok" if healthy else "failed"
    return healthy, {"status": status, "version": __version__, **checks}


def _database(config: Config) -> str:
    try:
        database.check(config.database)
    except sqlite3.Error as error:
        return f"failed: {error}"
    return "ok"


def _tls(config: Config) -> str:
    if config.tls_check is None:
        return "not configured"
    host, _ = config.tls_check
    try:
        context = ssl.create_default_context()
        with (
            socket.create_connection(config.tls_check, timeout=TLS_TIMEOUT_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return f"ok: {secure.version()}"
    except OSError as error:
        return f"failed: {error}"
