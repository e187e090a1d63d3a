"""Launchers: shell that finds its own place, cleans the environment and starts a program.

A launcher works from any directory, through any symlink, below a path with spaces. It trusts
nothing that the caller exported for another Python or another loader.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from omnibuild.host.hooks import PREPARE
from omnibuild.host.layout import Layout
from omnibuild.host.processes import Process, entry_point, python_call
from omnibuild.host.template import render
from omnibuild.recipe.models import Recipe


def launchers(
    recipe: Recipe,
    layout: Layout,
    running: tuple[Process, ...],
    entry_points: Mapping[str, str],
) -> list[tuple[str, str]]:
    """Return every launcher in ``bin/`` as its name and text."""
    found = []
    for command, script in recipe.commands.items():
        start = python_call(layout, entry_point(script, entry_points), [])
        found.append((command, launcher(f"The command {command} of {layout.app}.", start)))
    for process in running:
        what = f"Starts {process.name} of {layout.app} in the foreground."
        found.append((f"{layout.app}-{process.name}", launcher(what, process.start)))
    return found


def launcher(what: str, start: str, directory: str = "bin") -> str:
    """Return a launcher; ``start`` is shell that may use ``$root`` and ``$self``."""
    return render("launcher.sh.in", {"WHAT": what, "START": start, "DIRECTORY": directory})


def prepare(layout: Layout, hook: str) -> str:
    """Return ``libexec/prepare``: the app's own preparation, with its commands on PATH."""
    body = "\n".join(["umask 027", "PATH=$root/bin:$PATH", "export PATH", hook.rstrip("\n")])
    return launcher(f"The hook {PREPARE} of {layout.app}.", body, "libexec")


def environment(recipe: Recipe, layout: Layout) -> str:
    """Return ``libexec/environment``, which launchers read."""
    variables = {
        layout.variable("STATE"): layout.state,
        layout.variable("RUNTIME"): layout.runtime,
        **recipe.environment,
    }
    return render(
        "environment.in",
        {
            "APP": layout.app,
            "VARIABLES": "\n".join(_default(*item) for item in variables.items()),
            "CERTIFI": f"/{layout.site_packages}/certifi/cacert.pem",
        },
    )


def _default(name: str, value: str) -> str:
    return f'[ -n "${{{name}+set}}" ] || {name}={shlex.quote(value)}\nexport {name}'
