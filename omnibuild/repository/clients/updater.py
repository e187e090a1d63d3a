"""What keeps packages current on a host that asked for it: a POSIX shell program and its units.

They are part of the package that brings the repository's keys, so hosts have them verified, and
upgrade them. The program leaves fetching, verifying and installing to apt or dnf; on hosts of
tarballs to install.sh, which brings them there. What it adds: health after an upgrade and the way
back, channels that went back, and states that are replayed.
"""

from __future__ import annotations

import shlex
from typing import Final

from omnibuild.host.maintainer.shell import HEAD
from omnibuild.repository.clients import yum_repo
from omnibuild.repository.clients.systems import TARBALL
from omnibuild.repository.clients.template import render

_UNITS: Final = "/usr/lib/systemd/system"
_TARBALL_UNITS: Final = "/usr/local/lib/systemd/system"
_OWNERS: Final = (
    "the package that brings the repository's keys owns it",
    "install.sh brings it, and newer ones, which the repository's key has signed",
)

# Without the package no timer of it may fire.
_STOP: Final = """\
if command -v systemctl >/dev/null; then
    for link in /etc/systemd/system/timers.target.wants/{name}-update@*.timer; do
        [ -L "$link" ] || continue
        systemctl --quiet disable "${{link##*/}}" || :
        [ ! -d /run/systemd/system ] || systemctl --quiet stop "${{link##*/}}" || :
    done
fi
"""
_RELOAD: Final = "[ ! -d /run/systemd/system ] || systemctl daemon-reload || :\n"


def files(name: str, title: str, family: str) -> dict[str, str]:
    """Return the program, which is executable, and its units by their path on the host.

    Args:
        name: the repository's.
        title: who publishes.
        family: what it works with: apt, dnf, or install.sh as on hosts of tarballs.
    """
    path = program_path(name, family)
    units = _TARBALL_UNITS if family == TARBALL else _UNITS
    values = {"PATH": path, "TITLE": title.replace("%", "%%")}
    made = {
        f"{units}/{path.rpartition('/')[2]}@.{kind}": render(f"update/{kind}.in", values)
        for kind in ("service", "timer")
    }
    return {path: program(name, title, family), **made}


def program_path(name: str, family: str) -> str:
    """Return where the program is; a host may have one for packages and one for tarballs."""
    if family == TARBALL:
        return f"/usr/local/sbin/{name}-update-tarball"
    return f"/usr/sbin/{name}-update"


def program(name: str, title: str, family: str) -> str:
    """Return the text of the program."""
    manager = () if family == TARBALL else (f"shared/{family}", "update/packages")
    parts = (
        *("update/head", "update/outcome", "shared/json", "shared/run", "update/settings"),
        *("shared/schedule", "update/timer", *manager, f"update/{family}"),
        *("update/versions", "shared/health", "update/run", "update/main"),
    )
    values = {
        "NAME": shlex.quote(name),
        "PROGRAM": shlex.quote(program_path(name, family).rpartition("/")[2]),
        "TITLE": shlex.quote(title),
        "TITLE_COMMENT": title,
        "OWNER": _OWNERS[family == TARBALL],
        "WAY": f"with_{family}",
    }
    return "".join(render(f"{part}.sh.in", values) for part in parts)


def scripts(name: str) -> dict[str, dict[str, str]]:
    """Return the package's maintainer scripts, by format.

    rpm has none for units: systemd's own package there has them read when a file of them changes.
    """
    stop = _STOP.format(name=name)
    return {
        "deb": {
            "postinst": f"{HEAD}{_RELOAD}",
            "prerm": f'{HEAD}[ "${{1:-}}" = remove ] || exit 0\n{stop}',
            "postrm": f"{HEAD}{_RELOAD}",
        },
        "rpm": {"posttrans": yum_repo.renewal(name)},
    }
