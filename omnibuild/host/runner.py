"""The runner ``bin/<app>-run``: the whole app in the foreground, without root or systemd.

It is how a tarball is used and what a container starts. Its state directory holds copies of the
configuration, which the operator edits there.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from omnibuild.host.layout import Layout
from omnibuild.host.model import HostModel, Process
from omnibuild.host.template import render


def runner(model: HostModel, copies: Mapping[str, str]) -> str:
    """Return the runner; without any process it only runs commands.

    Args:
        model: the app.
        copies: host path of each config file to its default copy, relative to the prefix.
    """
    layout, listen = model.layout, model.listen
    serve = _serve(model) if model.processes else "\nusage >&2\nexit 2"
    moved = {name: copies[value] for name, value in model.environment.items() if value in copies}
    moved |= _additions(model)
    variables = [_variable(name, f"$state/{shlex.quote(below)}") for name, below in moved.items()]
    variables += _within(layout) if model.beneath else []
    return render(
        "run.sh.in",
        {
            "APP": layout.app,
            "LISTEN": shlex.quote(listen),
            "LISTEN_SHOWN": listen or "nowhere",
            "COPIES": "\n".join(
                f"copy_default {shlex.quote(copy)} {shlex.quote(host)}"
                for host, copy in copies.items()
            ),
            "STATE_VARIABLE": layout.variable("STATE"),
            "VARIABLES": "\n".join(variables),
            "MOVED": _moved_commands(model),
            "SERVE": serve.rstrip("\n"),
        },
    )


def _additions(model: HostModel) -> dict[str, str]:
    return {model.layout.variable("ADDITIONS"): "additions"} if model.additions else {}


def _moved_commands(model: HostModel) -> str:
    """Return shell for commands whose launcher is not in ``bin``, where their program is."""
    cases = [
        f'        {name}) exec "$root/{command.launcher}" "$@" ;;\n'
        for name, command in model.commands.items()
        if not command.launcher.startswith("bin/")
    ]
    return f"    case $command in\n{''.join(cases)}    esac\n" if cases else ""


def _timers(model: HostModel) -> str:
    """Return shell that tells what does not run here."""
    app = model.layout.app
    names = ", ".join(f"{app}-{timer.name}" for timer in model.timers)
    said = f"timers need systemd, so nothing starts these here: {names}"
    return f'echo "{app}-run: {said}" >&2\n' if names else ""


def _serve(model: HostModel) -> str:
    layout = model.layout
    ready = 'echo "@APP@ answers on $listen, its state is in $state" >&2' if model.listen else ":"
    return render(
        "serve.sh.in",
        {
            "APP": layout.app,
            "RUNTIME_VARIABLE": layout.variable("RUNTIME"),
            "LISTEN_VARIABLE": layout.variable("LISTEN"),
            "LOGS_VARIABLE": layout.variable("LOGS"),
            **_beneath(model),
            "STARTS": "\n".join(
                _start(layout, process) for process in model.processes if not process.underlies
            ),
            "READY": ready.replace("@APP@", layout.app),
            "TIMERS": _timers(model),
        },
    )


def _variable(name: str, value: str) -> str:
    return f"{name}={value}\nexport {name}"


def _within(layout: Layout) -> list[str]:
    """Return shell that tells where configuration is, and the sockets of who runs it already."""
    etc, runtime = layout.variable("ETC"), layout.variable("RUNTIME")
    return [
        _variable(etc, "$state/etc"),
        'if [ -L "$state/run" ]; then',
        _variable(runtime, '$(readlink "$state/run")'),
        "fi",
    ]


def _beneath(model: HostModel) -> dict[str, str]:
    """Return shell about what other processes need: it starts first, and stops last."""
    leave = 'rm -rf "$runtime"'
    if not model.beneath:
        return {"LEAVE": leave, "BENEATH": "", "BENEATH_TOO": ""}
    calls = (
        f'start_beneath {one.signal} "$root/bin/{model.layout.app}-{one.name}"'
        for one in model.beneath
    )
    start = render("beneath.sh.in", {"CALLS": "\n".join(calls)})
    return {
        "LEAVE": f'stop_beneath; {leave} "$state/run"',
        "BENEATH": start.rstrip("\n"),
        "BENEATH_TOO": " $beneath",
    }


def _start(layout: Layout, process: Process) -> str:
    launcher = f'"$root/bin/{layout.app}-{process.name}"'
    return process.alone or f'{launcher} &\nrunning="$running $!"'
