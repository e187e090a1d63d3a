"""Web servers, one module each, and the table of them; nginx, which may be in front of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed
from omnibuild.host.servers import nginx, options
from omnibuild.host.servers.apache import APACHE
from omnibuild.host.servers.gunicorn import GUNICORN
from omnibuild.host.servers.hypercorn import HYPERCORN
from omnibuild.host.servers.own import OWN
from omnibuild.host.servers.server import WebServer
from omnibuild.host.servers.twisted import TWISTED
from omnibuild.host.servers.uvicorn import UVICORN
from omnibuild.host.servers.uwsgi import UWSGI
from omnibuild.host.servers.waitress import WAITRESS
from omnibuild.host.template import render
from omnibuild.recipe.located import Fault
from omnibuild.recipe.models import Web
from omnibuild.recipe.validate import quoted

SERVERS: Mapping[str, WebServer] = {
    "gunicorn": GUNICORN,
    "waitress": WAITRESS,
    "uwsgi": UWSGI,
    "apache": APACHE,
    "twisted": TWISTED,
    "uvicorn": UVICORN,
    "hypercorn": HYPERCORN,
    "own": OWN,
}


def requirements(web: Web) -> tuple[str, ...]:
    """Return what the Python packages of an app must satisfy besides its own requirements."""
    return SERVERS[web.server].requirements


def components(web: Web) -> tuple[str, ...]:
    """Return the components that serve an app."""
    return SERVERS[web.server].components + ((nginx.COMPONENT,) if web.proxy else ())


def option_faults(web: Web) -> Iterator[Fault]:
    """Yield what a recipe says that neither its server nor its proxy honours."""
    server = SERVERS[web.server]
    if not server.attributes and "." in web.app.partition(":")[2]:
        what = f"{web.server} finds no {quoted(web.app.partition(':')[2])}: it takes plain names"
        hint = "give it a name of its own in the module, as `application`"
        yield Fault(("web", "app"), what, hint)
    yield from options.word_faults(web, server.launched)
    yield from options.faults(web, server.takes, nginx.takes(web), server.conflicts(web))


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
    server = SERVERS[web.server]
    texts = dict(server.configuration(web, layout))
    if web.proxy:
        texts[nginx.path(layout)] = nginx.configuration(web, layout, server)
    if web.access_log == "file":
        values = {"LOGS": layout.logs, "USER": layout.user}
        texts[f"/etc/logrotate.d/{layout.app}"] = render("logrotate.in", values)
    return {path: text.encode() for path, text in texts.items()}


def helper(name: str) -> str:
    """Return the text of a program of hosts: a module of ``programs``, never imported here."""
    return resources.files("omnibuild.host.servers.programs").joinpath(name).read_text("utf-8")
