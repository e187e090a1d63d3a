"""The processes of an app: what each is called and which shell line starts it.

Every process has a launcher ``bin/<app>-<name>``: units, the runner and people start the same.
"""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from omnibuild.errors import DefinitionError
from omnibuild.host.layout import Layout
from omnibuild.recipe.models import Recipe, Web

WEB = "web"
PROXY = "nginx"
# Gunicorn's own format says nothing about a client behind a proxy on a socket.
PROXIED_LOG = '%({x-forwarded-for}i)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s'


_TARGET = re.compile(r"\w+(\.\w+)*:\w+(\.\w+)*")


@dataclass(frozen=True)
class Process:
    """One long-running process.

    Args:
        name: ``web``, ``nginx`` or the service's name.
        title: what it is, for the unit's description.
        start: shell that becomes the process; ``$root`` is the app's directory.
        listens: whether it is a server: it keeps its sockets, reads its configuration again
            when told to, and tells systemd that it is ready.
        stop: the signal that lets it finish what it does, where TERM does not.
    """

    name: str
    title: str
    start: str
    listens: bool = False
    stop: str = ""


def processes(
    recipe: Recipe, layout: Layout, entry_points: Mapping[str, str]
) -> tuple[Process, ...]:
    """Return the app's processes, in the order they start."""
    found = []
    if recipe.web:
        found.append(_web(recipe.web, layout))
        if recipe.web.proxy:
            found.append(_proxy(layout))
    for name, service in recipe.services.items():
        script, *arguments = shlex.split(service.command)
        target = entry_point(script, entry_points)
        start = python_call(layout, target, arguments, options="-u")
        found.append(Process(name, name, f"exec {start}"))
    return tuple(found)


def entry_point(script: str, entry_points: Mapping[str, str]) -> str:
    """Return the ``module:function`` behind a console script of the installed packages."""
    if script not in entry_points:
        near = difflib.get_close_matches(script, entry_points, 1)
        raise DefinitionError(
            f"no package of the app has a console script called {script!r}",
            why=f"there are: {', '.join(sorted(entry_points)) or 'none'}",
            hint=f"did you mean {near[0]!r}?" if near else "add it to [project.scripts] of the app",
        )
    # Extras behind the function are obsolete and say nothing about where it is.
    target = entry_points[script].partition("[")[0].strip()
    if not _TARGET.fullmatch(target):
        raise DefinitionError(
            f"the console script {script!r} does not say which function it is",
            why=f"its package says: {target}",
            hint="it must be `module:function`; take another version of the package",
        )
    return target


def python_call(layout: Layout, target: str, arguments: list[str], options: str = "") -> str:
    """Return the command that is a console script; its name is the launcher's path.

    Args:
        layout: the app's names.
        target: ``module:function``.
        arguments: what comes before the caller's arguments.
        options: of the interpreter; ``-u`` for services, whose lines belong in the journal at
            once.
    """
    module, _, function = target.partition(":")
    first = function.partition(".")[0]
    code = f"import sys; del sys.argv[0]; from {module} import {first}; sys.exit({function}())"
    words = [shlex.quote(code), '"$self"', *map(shlex.quote, arguments), '"$@"']
    interpreter = " ".join([f'"$root/bin/{layout.python}" -I -B', *filter(None, [options])])
    return f"{interpreter} -c {' '.join(words)}"


def _web(web: Web, layout: Layout) -> Process:
    runtime, listen = layout.variable("RUNTIME"), layout.variable("LISTEN")
    if web.proxy:
        bind = f"unix:${runtime}/web.sock"
        # Whoever reaches the socket is the proxy: it tells the client's address and scheme.
        options = f"--forwarded-allow-ips '*' --access-logformat {shlex.quote(PROXIED_LOG)}"
    else:
        bind = f"${{{listen}:-{web.listen}}}"
        options = ""
    arguments = [
        f'--workers "${{WEB_CONCURRENCY:-{web.workers}}}"',
        '--bind "$bind"',
        "--access-logfile -",
        *([options] if options else []),
        f'"$@" {shlex.quote(web.app)}',
    ]
    lines = [
        "# Its control socket belongs beside the other one.",
        f"XDG_RUNTIME_DIR=${runtime}",
        "export XDG_RUNTIME_DIR",
        "# Heartbeat files want memory, not a disk.",
        'if [ -d /dev/shm ] && [ -w /dev/shm ]; then set -- --worker-tmp-dir /dev/shm "$@"; fi',
        "# Gunicorn imports from and reads settings in the working directory.",
        'cd "$root"',
        f'bind="{bind}"',
        f'set -- "$root/bin/{layout.python}" -I -B -u -m gunicorn \\',
        " \\\n".join(f"    {argument}" for argument in arguments),
        *_kept_sockets(layout, 'gunicorn "$bind"'),
    ]
    return Process(WEB, "web server", "\n".join(lines), listens=True)


def _proxy(layout: Layout) -> Process:
    state = layout.variable("STATE")
    lines = [
        f'mkdir -p "${state}/nginx"',
        f'set -- "$root/sbin/nginx" -p "${state}/nginx/" -e stderr \\',
        f'    -c {layout.etc}/nginx.conf "$@"',
        *_kept_sockets(layout, "nginx"),
    ]
    # QUIT lets nginx finish the requests at hand.
    return Process(PROXY, "reverse proxy", "\n".join(lines), listens=True, stop="SIGQUIT")


def _kept_sockets(layout: Layout, server: str) -> list[str]:
    """Return shell that becomes the server in ``$@``, by way of systemd where it listens."""
    return [
        'if [ -n "${NOTIFY_SOCKET:-}" ]; then',
        f'    set -- "$root/bin/{layout.python}" -I -S -B "$root/libexec/listen.py" {server} "$@"',
        "fi",
        'exec "$@"',
    ]
