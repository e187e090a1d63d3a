"""A certificate of the host: given to the server that runs as the app's user, also when renewed.

Only root has to be able to read the key. ``libexec/tls`` puts both files, the user's own, into a
directory that is root's, so that no user decides where root writes.
"""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping

from omnibuild.host.layout import Layout
from omnibuild.host.model import Process
from omnibuild.host.template import render

PROGRAM = "tls"

Sections = Mapping[str, tuple[str, ...]]


def path(layout: Layout) -> str:
    """Return where the program is that gives the certificate to the server."""
    return f"{layout.prefix}/libexec/{PROGRAM}"


def directory(layout: Layout) -> str:
    """Return where the server finds ``certificate.pem`` and ``key.pem``."""
    return f"{layout.runtime}.{PROGRAM}"


def watch(layout: Layout) -> str:
    """Return the unit that sees a renewal."""
    return f"{layout.unit}-{PROGRAM}.path"


def renewal(layout: Layout) -> str:
    """Return the unit that has the server read it."""
    return f"{layout.unit}-{PROGRAM}.service"


def program(layout: Layout, process: Process) -> str:
    """Return ``libexec/tls``."""
    if process.certificate is None:
        raise ValueError(f"{process.name} has no certificate")
    return render(
        "tls.sh.in",
        {
            "APP": layout.app,
            "USER": layout.user,
            "DIRECTORY": directory(layout),
            "CERTIFICATE": shlex.quote(process.certificate.path),
            "KEY": shlex.quote(process.certificate.key),
        },
    )


def units(layout: Layout, process: Process, service: str) -> dict[str, Sections]:
    """Return the units of renewals, each as its sections.

    Args:
        layout: the app's names.
        process: the server that has the certificate.
        service: its unit.
    """
    if process.certificate is None:
        raise ValueError(f"{process.name} has no certificate")
    # The directories: files are often replaced by others, and symlinks by other symlinks.
    places = {
        posixpath.dirname(name) for name in (process.certificate.path, process.certificate.key)
    }
    return {
        watch(layout): {
            "Unit": (
                f"Description={layout.app}: its certificate, if it is renewed",
                f"PartOf={layout.unit}.target",
            ),
            "Path": (
                *(f"PathChanged={place.replace('%', '%%')}" for place in sorted(places)),
                f"Unit={renewal(layout)}",
            ),
        },
        renewal(layout): {
            "Unit": (
                f"Description={layout.app}: a renewed certificate",
                "StartLimitIntervalSec=0",
            ),
            "Service": ("Type=oneshot", f"ExecStart={path(layout)} renewed {service}"),
        },
    }
