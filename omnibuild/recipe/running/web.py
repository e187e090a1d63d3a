"""Rules about ``[web]``: what each server takes, and what an app that is its own server is told."""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Web
from omnibuild.recipe.running.addresses import address_faults
from omnibuild.recipe.running.commands import command_faults, placeholders
from omnibuild.recipe.validate import quoted

OWN = "own"
# What tells an own server where to listen.
_ADDRESS = {"listen", "port"}
_PLACEHOLDERS = ("host", "port", "listen", "path", "workers")


def web_faults(web: Web, *, python: bool) -> Iterator[Fault]:
    """Yield what is wrong between the keys of ``[web]``."""
    yield from address_faults(web)
    if web.health and not python:
        what = "`web.health` is asked by the app's own Python, and there is no [python]"
        yield Fault(("web", "health"), what, "take it out, or add [python]", in_key=True)
    if web.server == OWN:
        yield from _own_faults(web, python=python)
        return
    if not web.app:
        what = f"missing key `app` in [web]: what {web.server} serves"
        yield Fault(("web",), what, 'write it like `app = "shop.wsgi:application"`')
    for key, value in (("command", web.command), ("socket", web.socket)):
        if value:
            what = f"`web.{key}` is for an app that is its own server, and this one is {web.server}"
            yield Fault(("web", key), what, 'take it out, or write `server = "own"`', in_key=True)


def _own_faults(web: Web, *, python: bool) -> Iterator[Fault]:
    if web.app:
        what = "`web.app` is for servers that load an app, and this app is its own server"
        yield Fault(("web", "app"), what, "say what starts it with `command`", in_key=True)
    if not web.command:
        yield Fault(("web",), "missing key `command` in [web]: what starts the app's own server")
        return
    path = ("web", "command")
    yield from command_faults(path, web.command, python=python)
    used = placeholders(web.command)
    for name in sorted(used.difference(_PLACEHOLDERS)):
        known = ", ".join(f"`{{{each}}}`" for each in _PLACEHOLDERS)
        yield Fault(path, f"`{{{name}}}` stands for nothing", f"known are {known}")
    if web.workers is not None and "workers" not in used:
        what = "`web.workers` is told to nobody: `command` does not say where it goes"
        yield Fault(("web", "workers"), what, "write `{workers}` into it", in_key=True)
    yield from _told_faults(web, used)


def _told_faults(web: Web, used: set[str]) -> Iterator[Fault]:
    """Yield why the server would listen where nobody looks for it."""
    path = ("web", "command")
    told = used & {"host", "port", "listen", "path"}
    if web.socket:
        for name in sorted(told):
            what = f"`{{{name}}}` is where to listen, and `socket` has the server listen already"
            yield Fault(path, what, "the socket is descriptor 3: take out one of them")
    elif web.proxy:
        for name in sorted(told - {"path"}):
            what = f"`{{{name}}}` is where {web.proxy} listens, not the server behind it"
            yield Fault(path, what, "that one listens on a socket in the file system: `{path}`")
        if not told:
            what = f"nothing in `web.command` says where {web.proxy} finds the server"
            yield Fault(path, what, "write `{path}` for its socket, or set `socket`")
    elif "path" in told:
        what = "`{path}` is where a proxy finds the server, and there is none"
        yield Fault(path, what, "write `{listen}`, or `{host}` and `{port}`")
    elif not told & _ADDRESS:
        what = f"nothing in `web.command` tells the server to listen on {quoted(web.listen)}"
        yield Fault(path, what, "write `{listen}`, or `{host}` and `{port}`, or set `socket`")
