"""Rules about where clients connect to: hosts would not start what listens elsewhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from omnibuild.patterns import regex
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Web
from omnibuild.recipe.positions import Path as Keys
from omnibuild.recipe.validate import quoted

_HIGHEST_PORT = 65535
_LONGEST_NAME = 253
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_NAME = regex(rf"{_LABEL}(\.{_LABEL})*")
# Programs differ in what they take such a name for.
_NUMERIC = regex(r"(.*\.)?(0[xX][0-9a-fA-F]*|[0-9]+)")


def address_faults(web: Web) -> Iterator[Fault]:
    """Yield what is wrong with the addresses of ``[web]``."""
    yield from _faults(("web", "listen"), web.listen)
    if not web.tls or not web.tls.redirect:
        return
    place = ("web", "tls", "redirect")
    yield from _faults(place, web.tls.redirect)
    if _split(web.tls.redirect) == _split(web.listen):
        what = f"`web.tls.redirect` is the address of HTTPS itself, {quoted(web.listen)}"
        yield Fault(place, what, "plain HTTP has a port of its own, as 80")


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.lower(), int(port)


def _faults(place: Keys, address: str) -> Iterator[Fault]:
    key = ".".join(map(str, place))
    host, port = _split(address)
    if not 1 <= port <= _HIGHEST_PORT:
        what = f"`{key}` has a port that does not exist: {port}"
        yield Fault(place, what, f"ports are 1 to {_HIGHEST_PORT}")
    elif address != f"{address.rpartition(':')[0]}:{port}":
        yield Fault(place, f"`{key}` has a port with zeros in front", f"write `{port}`")
    if not _is_host(host):
        what = f"`{key}` has a host that cannot be: {quoted(host)}"
        yield Fault(place, what, "write an address of the host's, as 127.0.0.1, [::1] or 0.0.0.0")


def _is_host(host: str) -> bool:
    try:
        if host.startswith("["):
            ipaddress.IPv6Address(host[1:-1])
        elif _NUMERIC.fullmatch(host):
            ipaddress.IPv4Address(host)
        else:
            return len(host) <= _LONGEST_NAME and bool(_NAME.fullmatch(host))
    except ValueError:
        return False
    return True
