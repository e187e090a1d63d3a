"""The system user of an app: declared for systemd, and created also where systemd is not.

The account is locked and has no shell. It stays when the package is purged: files of its number
may be left anywhere, and nobody else must get that number.
"""

from __future__ import annotations

from omnibuild.host.layout import Layout
from omnibuild.host.template import render

SYSUSERS = "/usr/lib/sysusers.d"


def sysusers_conf(layout: Layout) -> str:
    """Return the app's sysusers.d file, which is also what its maintainer scripts carry out."""
    return f'u {layout.user} - "{layout.app}" {layout.state}\n'


def sysusers_path(layout: Layout) -> str:
    """Return where the file goes."""
    return f"{SYSUSERS}/{layout.app}.conf"


def directories(layout: Layout) -> str:
    """Return the program that makes what the user writes in: at installation and at each start.

    systemd could, but for it a directory that is a symlink is an error, and one whose owner or
    mode the operator chose is to be set right.
    """
    return render(
        "directories.sh.in",
        {
            "APP": layout.app,
            "USER": layout.user,
            "STATE": layout.state,
            "LOGS": layout.logs,
            "RUNTIME": layout.runtime,
        },
    )
