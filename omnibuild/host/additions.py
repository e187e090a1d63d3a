"""Additions: what operators install beside an app, in a virtual environment that upgrades keep.

The app looks there after its own packages, so nothing of it can take the place of what the app
brings. The directory is root's: what a service could write, it could make others run.
"""

from __future__ import annotations

from omnibuild.host.layout import Layout
from omnibuild.host.model import HostModel
from omnibuild.host.template import render

# What pip is told of the app's own packages: their versions hold.
_CONSTRAINTS = """\
import sys, sysconfig
from importlib.metadata import distributions
for one in distributions(path=[sysconfig.get_path("purelib")]):
    print(f"{one.name}=={one.version}")
"""


def pip(model: HostModel) -> str:
    """Return shell of the launcher ``bin/<app>-pip``; ``$root`` and ``$installed`` are set."""
    layout = model.layout
    values = {
        "APP": layout.app,
        "PYTHON": layout.python,
        "ADDITIONS": layout.variable("ADDITIONS"),
        "CONSTRAINTS": _CONSTRAINTS.rstrip("\n"),
        "RESTART": render("restart.sh.in", {"APP": layout.app, "TARGET": f"{layout.unit}.target"})
        if model.processes
        else "",
    }
    return render("pip.sh.in", values).rstrip("\n")


def path_file(layout: Layout) -> tuple[str, str]:
    """Return the file by which the interpreter finds additions: its path, and its line.

    Whoever calls the interpreter itself, without a launcher, has none.
    """
    variable = layout.variable("ADDITIONS")
    packages = f"{layout.python}/lib/{layout.python}/site-packages"
    line = (
        f"import os, site; own = os.environ.get('{variable}', '') + '/{packages}';"
        " os.path.isdir(own) and site.addsitedir(own)\n"
    )
    # Last in the order in which such files are read.
    return f"{layout.prefix}/{layout.site_packages}/zz-{layout.app}-additions.pth", line
