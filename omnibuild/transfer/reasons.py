"""Why a request failed, in words: from the nested errors of requests, urllib3 and the system."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import requests

UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH)


def why_dead(error: requests.RequestException) -> str:
    """Say why the host cannot be reached at all, or nothing when that is not the matter."""
    import requests

    who = "the proxy" if isinstance(error, requests.exceptions.ProxyError) else "the host"
    if isinstance(error, requests.ConnectTimeout):
        return f"{who} does not answer (timeout)"
    for cause in _causes(error):
        if isinstance(cause, socket.gaierror):
            return f"the name of {who} does not resolve (DNS)"
        if isinstance(cause, ConnectionRefusedError):
            return f"{who} refuses the connection"
        if isinstance(cause, OSError) and cause.errno in UNREACHABLE:
            return f"{who} cannot be reached: {cause.strerror}"
    return ""


def why_final(error: requests.RequestException) -> str:
    """Say why no further attempt can help, or nothing when one can."""
    import requests

    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS: the host's certificate is not trusted: {cause.verify_message}"
    if isinstance(error, requests.TooManyRedirects):
        return "it redirects in a circle"
    # Malformed URLs, also those that a redirect or a proxy variable names.
    return str(error) if isinstance(error, ValueError) else ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it wraps; every layer below has its own way to wrap."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [getattr(cause, "reason", None), *cause.args]
        waiting += [cause.__cause__, cause.__context__]


def innermost(error: BaseException) -> str:
    """Say in words what lies at the bottom of an error."""
    if any(isinstance(cause, TimeoutError) for cause in _causes(error)):
        return "no data arrived in time (timeout)"
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
    return str(error)
