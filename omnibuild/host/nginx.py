"""The reverse proxy's configuration: it listens where the recipe says, and nowhere else."""

from __future__ import annotations

from omnibuild.host.layout import Layout
from omnibuild.host.template import render


def nginx_conf(layout: Layout, listen: str) -> str:
    """Return ``nginx.conf``; nginx runs as the app's user and writes below its own directories."""
    return render(
        "nginx.conf.in",
        {
            "APP": layout.app,
            "STATE": layout.state,
            "RUNTIME": layout.runtime,
            "LISTEN": listen,
        },
    )
