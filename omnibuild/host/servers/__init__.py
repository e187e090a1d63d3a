"""Web servers, one module each, and the table of them; nginx, which may be in front of one."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed
from omnibuild.host.servers import nginx
from omnibuild.host.servers.gunicorn import GUNICORN
from omnibuild.host.servers.own import OWN
from omnibuild.host.servers.server import WebServer
from omnibuild.host.servers.uvicorn import UVICORN
from omnibuild.recipe.models import Web

SERVERS: Mapping[str, WebServer] = {"gunicorn": GUNICORN, "uvicorn": UVICORN, "own": OWN}


def requirements(web: Web) -> tuple[str, ...]:
    """Return what the Python packages of an app must satisfy besides its own requirements."""
    return SERVERS[web.server].requirements


def components(web: Web) -> tuple[str, ...]:
    """Return the components that serve an app."""
    return (nginx.COMPONENT,) if web.proxy else ()


def processes(web: Web, layout: Layout, installed: Installed) -> tuple[Process, ...]:
    """Return the processes that serve an app, in the order they start.

    Raises:
        DefinitionError: the server, or the app that it serves, is not installed.
    """
    for location, directory in web.static.items():
        installed.require_directory(directory, f'web.static."{location}"')
    server = SERVERS[web.server].process(web, layout, installed)
    return (server, nginx.process(web, layout)) if web.proxy else (server,)


def configuration(web: Web, layout: Layout) -> dict[str, bytes]:
    """Return the files for operators that the servers of an app bring, by their path."""
    if not web.proxy:
        return {}
    upgrades = SERVERS[web.server].upgrades
    text = nginx.configuration(web, layout, upgrades=upgrades)
    return {nginx.path(layout): text.encode()}


def helper(name: str) -> str:
    """Return the text of a program of hosts: a module of this room that is never imported here."""
    return resources.files("omnibuild.host.servers").joinpath(name).read_text("utf-8")
