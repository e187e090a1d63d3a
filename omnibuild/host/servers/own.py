"""An app that is its own server: its command is given the socket, or told where to listen."""

from __future__ import annotations

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.programs import Installed, started
from omnibuild.host.servers.server import (
    LISTEN,
    NAME,
    WebServer,
    address,
    listening,
    public_address,
    socket_path,
    workers,
)
from omnibuild.recipe.models import Web


def _process(web: Web, layout: Layout, installed: Installed) -> Process:
    call, lines = installed.call(web.command), []
    values = {"workers": workers(web)}
    if web.proxy:
        values["path"] = socket_path(layout)
    else:
        listen = layout.variable("LISTEN")
        lines += [f'{listen}="{address(web, layout)}"', f"export {listen}"]
        values |= {
            "listen": f"${listen}",
            "host": "${omnibuild_host%]}",
            "port": f"${{{listen}##*:}}",
        }
        if "{host}" in web.command:
            # Without the brackets of an IPv6 address.
            lines += [f"omnibuild_host=${{{listen}%:*}}", "omnibuild_host=${omnibuild_host#[}"]
    through = ""
    if web.socket:
        through = f'{listening(layout, "socket")} "{address(web, layout)}"'
    elif web.proxy:
        # The last one's, if it was killed.
        lines.append(f'rm -f "{socket_path(layout)}"')
    lines.append(started(layout, call, values, through))
    return Process(
        NAME,
        "web server",
        "\n".join(lines),
        address=public_address(web),
        is_server=True,
        keeps_sockets=web.socket,
        helpers=(LISTEN,) if web.socket else (),
    )


OWN = WebServer(process=_process, interfaces=("own",), takes=frozenset({"workers"}), upgrades=True)
