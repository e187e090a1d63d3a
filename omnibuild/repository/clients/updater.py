"""What keeps packages current on a host that asked for it: a POSIX shell program and its units.

They are part of the package that brings the repository's keys, so hosts have them verified, and
upgrade them. The program leaves fetching, verifying and installing to apt or dnf. What it adds:
health after an upgrade and the way back, channels that went back, and states that are replayed.
"""

from __future__ import annotations

import shlex
from typing import Final

from omnibuild.host.maintainer.shell import HEAD
from omnibuild.payload.assembly import GeneratedFile
from omnibuild.repository.clients import yum_repo
from omnibuild.repository.clients.template import render

_UNITS: Final = "/usr/lib/systemd/system"

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


def files(name: str, title: str, family: str) -> dict[str, GeneratedFile]:
    """Return the program and its units by their path on the host.

    Args:
        name: the repository's.
        title: who publishes.
        family: which package manager it works with, apt or dnf.
    """
    values = {"NAME": name, "TITLE": title.replace("%", "%%")}
    units = {
        f"{_UNITS}/{name}-update@.{kind}": GeneratedFile(
            render(f"update/{kind}.in", values).encode()
        )
        for kind in ("service", "timer")
    }
    text = program(name, title, family)
    # Where people look for it.
    return {f"/usr/sbin/{name}-update": GeneratedFile(text.encode(), 0o755), **units}


def program(name: str, title: str, family: str) -> str:
    """Return the text of the program."""
    parts = (
        *("update/head", "update/outcome", "shared/json", "shared/run", "update/settings"),
        *("shared/schedule", "update/timer", f"shared/{family}", f"update/{family}"),
        *("update/versions", "shared/health", "update/run", "update/main"),
    )
    values = {
        "NAME": shlex.quote(name),
        "TITLE": shlex.quote(title),
        "TITLE_COMMENT": title,
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
