"""Whether all is well: what a recipe's ``health`` is asked by, on hosts."""

from __future__ import annotations

import shlex
from typing import Final

from omnibuild.host.model import HostModel

# Below libexec: maintainer scripts call it after they have started services, and operators may.
PROGRAM: Final = "health"
ASKS: Final = "ask_health.py"

# Of those who answer at all addresses, one that is this host.
_HERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]", "*": "127.0.0.1"}  # noqa: S104


def program(model: HostModel) -> str:
    """Return the program, which asks at the address where the package listens."""
    layout = model.layout
    host, _, port = model.listen.rpartition(":")
    scheme = "https" if model.secured else "http"
    url = f"{scheme}://{_HERE.get(host, host)}:{port}{model.health}"
    return "\n".join(
        [
            "#!/bin/sh",
            f"# Tells whether {layout.app} says that all is well; $1 is how many seconds to wait.",
            # Of a tree that was moved, too.
            'own=$(readlink -f -- "$0")',
            "own=${own%/libexec/*}",
            f'exec "$own/bin/{layout.python}" -I -S -B "$own/libexec/{ASKS}" \\',
            f'    {layout.app} {shlex.quote(url)} "${{1:-0}}"',
            "",
        ]
    )
