"""The runner ``bin/<app>-run``: the whole app in the foreground, without root or systemd.

It is how a tarball is used and what a container starts. Its state directory holds copies of the
configuration, which the operator edits there.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

from omnibuild.host.layout import Layout
from omnibuild.host.processes import PROXY, Process
from omnibuild.host.template import render


def runner(
    layout: Layout,
    running: Sequence[Process],
    *,
    listen: str,
    environment: Mapping[str, str],
    copies: Mapping[str, str],
) -> str:
    """Return the runner.

    Args:
        layout: the app's names.
        running: what it starts; without any process it only runs commands.
        listen: the recipe's address; empty without a web server.
        environment: the recipe's variables.
        copies: host path of each config file to its default copy, relative to the prefix.
    """
    serve = _serve(layout, running, listen) if running else "\nusage >&2\nexit 2"
    moved = {name: copies[value] for name, value in environment.items() if value in copies}
    return render(
        "run.sh.in",
        {
            "APP": layout.app,
            "LISTEN": shlex.quote(listen),
            "LISTEN_SHOWN": listen or "nowhere",
            "COPIES": "\n".join(map(_copy, copies.values())),
            "STATE_VARIABLE": layout.variable("STATE"),
            "VARIABLES": "\n".join(
                f"{name}=$state/{shlex.quote(copy)}\nexport {name}" for name, copy in moved.items()
            ),
            "SERVE": serve.rstrip("\n"),
        },
    )


def _copy(copy: str) -> str:
    name = shlex.quote(copy)
    return f'[ -e "$state"/{name} ] || cp -- "$root"/{name} "$state"/{name}'


def _serve(layout: Layout, running: Sequence[Process], listen: str) -> str:
    ready = 'echo "@APP@ answers on $listen, its state is in $state" >&2' if listen else ":"
    return render(
        "serve.sh.in",
        {
            "APP": layout.app,
            "RUNTIME_VARIABLE": layout.variable("RUNTIME"),
            "LISTEN_VARIABLE": layout.variable("LISTEN"),
            "STARTS": "\n".join(_start(layout, process) for process in running),
            "READY": ready.replace("@APP@", layout.app),
        },
    )


def _start(layout: Layout, process: Process) -> str:
    launcher = f'"$root/bin/{layout.app}-{process.name}"'
    if not process.listens or process.name != PROXY:
        return f'{launcher} &\nrunning="$running $!"'
    # The first request shall find the server there. Then the same configuration, for this place.
    return "\n".join(
        [
            "patience=100",
            'until [ -S "$runtime/web.sock" ] || [ -n "$stopping" ] || [ "$patience" -le 0 ]; do',
            '    for process in $running; do kill -0 "$process" 2>/dev/null || patience=0; done',
            "    patience=$((patience - 1))",
            "    sleep 0.1",
            "done",
            f'sed -e "s|listen .*;|listen $listen;|" -e "s|{layout.runtime}/|$runtime/|" \\',
            '    "$root/etc/nginx.conf" >"$runtime/nginx.conf"',
            # Root's nginx would hand requests to a user who cannot reach the socket.
            'set -- -c "$runtime/nginx.conf"',
            'if [ "$(id -u)" -eq 0 ]; then set -- "$@" -g "user root;"; fi',
            f'{launcher} "$@" &',
            'running="$running $!"',
        ]
    )
