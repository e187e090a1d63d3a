"""Launchers: shell that finds its own place, cleans the environment and starts a program.

A launcher works from any directory, through any symlink, below a path with spaces. It trusts
nothing that the caller exported for another Python or another loader.
"""

from __future__ import annotations

import shlex

from omnibuild.host import additions
from omnibuild.host.hooks import MIGRATE, PREPARE
from omnibuild.host.layout import Layout
from omnibuild.host.model import HostModel, Process, Timer
from omnibuild.host.programs import shell
from omnibuild.host.template import render

_BECOME = """
import os, pwd, sys
user = pwd.getpwnam(sys.argv[1])
os.initgroups(user.pw_name, user.pw_gid)
os.setgid(user.pw_gid)
os.setuid(user.pw_uid)
os.environ |= {"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name}
os.execv(sys.argv[2], sys.argv[2:])
"""


def launchers(model: HostModel) -> list[tuple[str, str]]:
    """Return every launcher as its path below the prefix, and its text."""
    layout, found = model.layout, []
    for name, command in model.commands.items():
        start = shell(layout, command.call, values=command.values)
        what = f"The command {name} of {layout.app}."
        start = f"{_stranger(layout, name, start)}exec {start}"
        directory = command.launcher.partition("/")[0]
        found.append((command.launcher, launcher(layout, what, start, directory)))
    started: tuple[Process | Timer, ...] = (*model.processes, *model.timers)
    for process in started:
        what = f"Starts {process.name} of {layout.app} in the foreground."
        found.append((f"bin/{layout.app}-{process.name}", launcher(layout, what, process.start)))
    if model.additions:
        what = f"Installs packages beside {layout.app}, which upgrades keep."
        found.append(
            (f"bin/{layout.pip}", launcher(layout, what, additions.pip(model), becomes=False))
        )
    return found


def launcher(
    layout: Layout, what: str, start: str, directory: str = "bin", *, becomes: bool = True
) -> str:
    """Return a launcher; ``start`` is shell that may use ``$root`` and ``$self``.

    With ``becomes`` root becomes the app's user first.
    """
    values = {
        "WHAT": what,
        "DIRECTORY": directory,
        "STATE": layout.variable("STATE"),
        "BECOME": _become(layout) if becomes else "",
        "START": start,
    }
    return render("launcher.sh.in", values)


def _become(layout: Layout) -> str:
    """Return shell by which root becomes the app's user, where the app keeps its state."""
    if not layout.user:
        return ""
    if layout.python:
        # Minimal hosts have neither runuser nor setpriv.
        python = f'"$root/bin/{layout.python}" -I -S -B -c {shlex.quote(_BECOME)} {layout.user}'
        become = f'    exec {python} "$self" "$@"'
    else:
        become = render("become-without-python.sh.in", {"USER": layout.user}).rstrip("\n")
    return render("become.sh.in", {"USER": layout.user, "BECOME": become})


def _stranger(layout: Layout, command: str, call: str) -> str:
    """Return shell that tells everybody else why a command failed."""
    if not layout.user:
        return ""
    values = {
        "STATE": layout.variable("STATE"),
        "COMMAND": command,
        "QUIET": call.replace("import sys;", "import sys; sys.tracebacklimit = 0;", 1),
    }
    return render("stranger.sh.in", values)


def prepare(model: HostModel) -> str:
    """Return ``libexec/prepare``: the app's own preparation, with its commands on PATH.

    What underlies the app answers meanwhile, whether or not it is a service that runs.
    """
    layout, around = model.layout, ""
    if model.beneath:
        words = "".join(f' "$root/bin/{layout.app}-{one.name}" with' for one in model.beneath)
        around = f'[ "${{1:-}}" = prepare ] || exec{words} "$self" prepare\n'
    hook = model.hooks.get(PREPARE, "").rstrip("\n")
    if MIGRATE in model.hooks:
        values = {
            "HOOK": model.hooks[MIGRATE].rstrip("\n"),
            "STATE": layout.variable("STATE"),
            "MIGRATED_FROM": layout.variable("MIGRATED_FROM"),
            "VERSION": shlex.quote(model.version),
            "LOCK": _lock(layout),
        }
        hook = f"(\n:\n{hook}\n)\n{render('migrate.sh.in', values)}"
    body = render("prepare.sh.in", {"APP": layout.app, "HOOK": hook.rstrip("\n")})
    what = f"The hook {PREPARE} of {layout.app}."
    return launcher(layout, what, f"{around}{body}", "libexec")


def _lock(layout: Layout) -> str:
    """Return shell that waits for whoever holds the file that is open as 9, and then holds it."""
    if layout.python:
        # Not every image has a program for it.
        return f'"$root/bin/{layout.python}" -I -c "import fcntl; fcntl.flock(9, fcntl.LOCK_EX)"'
    return "! command -v flock >/dev/null || flock 9"


def environment(model: HostModel) -> str:
    """Return ``libexec/environment``, which launchers read."""
    layout = model.layout
    variables = {
        layout.variable("STATE"): layout.state,
        layout.variable("RUNTIME"): layout.runtime,
        **model.environment,
    }
    lines = [_default(name, shlex.quote(value)) for name, value in variables.items()]
    if model.additions:
        lines.append(_default(layout.variable("ADDITIONS"), layout.additions))
    if model.beneath:
        lines.append(_default(layout.variable("ETC"), layout.etc))
        lines += [_default(name, value) for name, value in model.told.items()]
    if model.secrets:
        # systemd gives each service copies that no other process can read.
        value = f'"${{CREDENTIALS_DIRECTORY:-{layout.secrets}}}"'
        lines.append(_default(layout.variable("SECRETS"), value))
    if model.shares:
        lines.append(_default(layout.variable("SHARE"), "$root/share"))
    return render(
        "environment.in",
        {
            "APP": layout.app,
            "ETC": layout.etc,
            "STATE": layout.variable("STATE"),
            "VARIABLES": "\n".join(lines),
            "CERTIFI": (
                f' \\\n        "$root/{layout.site_packages}/certifi/cacert.pem"'
                if layout.python
                else ""
            ),
        },
    )


def _default(name: str, value: str) -> str:
    """Return shell that sets a variable where it is not set; the value is shell, too."""
    return f'[ -n "${{{name}+set}}" ] || {name}={value}\nexport {name}'
