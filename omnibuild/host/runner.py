"""The runner ``bin/<app>-run``: the whole app in the foreground, without root or systemd.

It is how a tarball is used and what a container starts. Its state directory holds copies of the
configuration, which the operator edits there, unless it is told to take that of packages.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from textwrap import indent
from typing import Final

from omnibuild.host.layout import Layout
from omnibuild.host.model import HostModel, Process
from omnibuild.host.secrets import PROGRAM
from omnibuild.host.template import render
from omnibuild.payload.model import Container

# Below the prefix; only images have it.
ENTRY: Final = "libexec/container"

# Where a web server answers whose own port is root's: nobody is root in a container.
_UNPRIVILEGED_PORT: Final = 8080
_FIRST_UNPRIVILEGED: Final = 1024

# What the servers of an app are called together: the web server, and the proxy before it.
WEB = "web"


def runner(model: HostModel, copies: Mapping[str, str]) -> str:
    """Return the runner; without any process it only runs commands.

    Args:
        model: the app.
        copies: host path of each config file to its default copy, relative to the prefix.
    """
    layout, listen = model.layout, model.listen
    serve = _serve(model) if model.processes else "\nusage >&2\nexit 2"
    moved = {name: copies[value] for name, value in model.environment.items() if value in copies}
    variables = [_variable(name, value) for name, value in _additions(model).items()]
    variables += _within(layout) if model.beneath else []
    variables += _secrets(layout) if model.secrets else []
    return render(
        "run.sh.in",
        {
            "APP": layout.app,
            "LISTEN": shlex.quote(listen),
            "LISTEN_SHOWN": listen or "nowhere",
            "ETC": layout.etc,
            "BLANK": " " * len(layout.app),
            "COPIES": "\n".join([*_copies(copies), *_names(moved)]),
            "SERVICES": _services(model),
            "SERVICES_SHOWN": f": {shown}" if (shown := ", ".join(alone(model))) else "",
            "STATE_VARIABLE": layout.variable("STATE"),
            "RUNTIME_VARIABLE": layout.variable("RUNTIME"),
            "RUN": indent(_run(model), "    "),
            "VARIABLES": "\n".join(variables),
            "VERSION": shlex.quote(model.version),
            "MOVED": _moved_commands(model),
            "SERVE": serve.rstrip("\n"),
        },
    )


def alone(model: HostModel) -> dict[str, str]:
    """Return what can run alone, by the name that the runner takes, and its title.

    The servers that requests go through are one, and called ``web``.
    """
    found = {
        WEB if process.is_server else process.name: process.title
        for process in model.processes
        if not process.underlies
    }
    return found | {timer.name: "" for timer in model.timers}


def _copies(copies: Mapping[str, str]) -> list[str]:
    return [
        f"    copy_default {shlex.quote(copy.removeprefix('etc/'))} {shlex.quote(host)}"
        for host, copy in copies.items()
    ]


def _names(moved: Mapping[str, str]) -> list[str]:
    """Return shell that tells the app where the copies are."""
    lines = [
        _variable(name, f"$etc/{shlex.quote(copy.removeprefix('etc/'))}")
        for name, copy in moved.items()
    ]
    return [f"    {line}" for each in lines for line in each.splitlines()]


def _services(model: HostModel) -> str:
    """Return cases for what can run alone: services until they are stopped, timers once."""
    app, timers = model.layout.app, [timer.name for timer in model.timers]
    services = " | ".join(name for name in alone(model) if name not in timers)
    cases = [f"        {services}) only=$command ;;\n"] if services else []
    cases += [f'        {name}) run "$root/bin/{app}-{name}" "$@" ;;\n' for name in timers]
    return "".join(cases)


def _additions(model: HostModel) -> dict[str, str]:
    name = model.layout.variable("ADDITIONS")
    return {name: "$state/additions"} if model.additions else {}


def _moved_commands(model: HostModel) -> str:
    """Return shell for commands whose launcher is not in ``bin``, where their program is."""
    cases = [
        f'        {name}) run "$root/{command.launcher}" "$@" ;;\n'
        for name, command in model.commands.items()
        if not command.launcher.startswith("bin/")
    ]
    return f"    case $command in\n{''.join(cases)}    esac\n" if cases else ""


def _timers(model: HostModel) -> str:
    """Return shell that tells what does not run here."""
    app = model.layout.app
    names = ", ".join(timer.name for timer in model.timers)
    said = f"timers need systemd, so nothing but \\`{app}-run TIMER\\` starts these here: {names}"
    # Whoever asks for one service asks for nothing else.
    return f'[ -n "$only" ] || echo "{app}-run: {said}" >&2\n' if names else ""


def _serve(model: HostModel) -> str:
    layout = model.layout
    ready = ":"
    if model.listen:
        ready = f'! wants {WEB} || echo "@APP@ answers on $listen, its state is in $state" >&2'
    return render(
        "serve.sh.in",
        {
            "APP": layout.app,
            "LISTEN_VARIABLE": layout.variable("LISTEN"),
            "LOGS_VARIABLE": layout.variable("LOGS"),
            **_beneath(model),
            "STARTS": "\n".join(
                _start(layout, process) for process in model.processes if not process.underlies
            ),
            "WEB": WEB,
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
        _variable(etc, "$etc"),
        # Who was killed, or runs in another container, left one that leads nowhere.
        'if [ -d "$state/run/" ]; then',
        _variable(runtime, '$(readlink "$state/run")'),
        "fi",
    ]


def _run(model: HostModel) -> str:
    """Return shell that becomes the words of a function, once the state is prepared for them."""
    app, lines = model.layout.app, []
    tools = [f"*/{app}-{one.name}" for one in model.beneath]
    tools += [f"*/{model.layout.pip}"] if model.additions else []
    if tools:
        lines = [
            "# What operators use on a state that may not be fit for anything else.",
            f'case $1 in {" | ".join(tools)}) exec "$@" ;; esac',
        ]
    if not model.beneath:
        return "\n".join([*lines, "prepare_once", 'exec "$@"'])
    words = " ".join(f'"$root/bin/{app}-{one.name}" with' for one in model.beneath)
    return "\n".join(
        [
            *lines,
            "# Whoever runs it there has prepared it, and answers.",
            '[ ! -d "$state/run/" ] || exec "$@"',
            "make_runtime",
            "trap 'rm -rf \"$runtime\"' EXIT",
            "trap 'exit 1' INT TERM",
            "prepare_once",
            *render("relay.sh.in", {}).splitlines(),
            "value=0",
            f'relay {words} "$@" || value=$?',
            'exit "$value"',
        ]
    )


def _secrets(layout: Layout) -> list[str]:
    """Return shell that makes what is missing, or takes what is mounted where packages have it."""
    own = f'[ "$etc" != {layout.etc} ] || [ ! -d {layout.secrets} ]'
    return [
        "secrets=$state/secrets",
        f"{own} || secrets={layout.secrets}",
        f'"$root/libexec/{PROGRAM}" "$secrets"',
        _variable(layout.variable("SECRETS"), "$secrets"),
    ]


def _repeated(layout: Layout, launcher: str, times: int) -> str:
    """Return shell that starts a process several times, each with its number."""
    return "\n".join(
        [
            "number=1",
            f'while [ "$number" -le {times} ]; do',
            f"    {layout.variable('INSTANCE')}=$number {launcher} &",
            '    running="$running $!"',
            "    number=$((number + 1))",
            "done",
        ]
    )


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
    start = process.alone or f'{launcher} &\nrunning="$running $!"'
    if process.instances > 1:
        start = _repeated(layout, launcher, process.instances)
    name = WEB if process.is_server else process.name
    return f"if wants {name}; then\n{indent(start, '    ')}\nfi"


def container_entry(model: HostModel) -> str:
    """Return the program: it answers at the port of ``$PORT``, on all addresses."""
    layout = model.layout
    listen = f' --listen "0.0.0.0:${{PORT:-{_port(model.listen)}}}"' if model.listen else ""
    return render(
        "container.sh.in",
        {
            "APP": layout.app,
            "LISTEN": listen,
            "PREFIX": layout.prefix,
            "STATE": layout.state,
            "STATE_VARIABLE": layout.variable("STATE"),
        },
    )


def container(model: HostModel) -> Container:
    """Return what an image of the app starts, as whom, and what it may write."""
    layout = model.layout
    return Container(
        entry=f"{layout.prefix}/{ENTRY}" if model.starts else "",
        port=_port(model.listen) if model.listen else 0,
        user=layout.user or layout.app,
        directories=(layout.state, layout.logs, layout.runtime),
    )


def _port(listen: str) -> int:
    """Return the port of a container whose app answers at that address on hosts."""
    own = int(listen.rpartition(":")[2])
    return own if own >= _FIRST_UNPRIVILEGED else _UNPRIVILEGED_PORT
