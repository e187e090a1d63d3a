"""systemd units: one target for the app, one service for each process, two units for each timer.

They are in /usr/lib/systemd/system, which systemd and Debian's helpers read on every host, also
where /lib is a directory of its own. Only the target is enabled; it wants the services and timers.
So one ``systemctl`` command acts on the whole app, and an operator masks a unit to do without it.
"""

from __future__ import annotations

from collections.abc import Sequence

from omnibuild.host.layout import Layout
from omnibuild.host.model import HostModel, Timer
from omnibuild.host.servers import certificates
from omnibuild.host.template import render
from omnibuild.host.units.names import file_name, unit_name, unit_names
from omnibuild.host.units.service import Around, job, longer, sections, service


def units(model: HostModel) -> dict[str, str]:
    """Return every unit by its file name; none for an app that runs nothing by itself."""
    names = unit_names(model)
    if not names.target:
        return {}
    services = [(file_name(model.layout, process), process) for process in model.processes]
    # Each of the servers is in front of those before it.
    servers = [(name, process.grace) for name, process in services if process.is_server]
    beneath = [name for name, process in services if process.underlies]
    texts = {names.target: _target(model.summary, names.started)}
    for name, process in services:
        around = Around(names.target, beneath=() if process.underlies else beneath)
        if process.is_server:
            place = servers.index((name, process.grace))
            around = Around(
                names.target,
                [longer(unit, grace + 10, 40) for unit, grace in servers[:place]],
                [longer(unit, grace + 5, 25) for unit, grace in servers[place + 1 :]],
                beneath,
            )
        texts[name] = service(model, process, around)
    for name, started, timer in zip(names.timers, names.jobs, model.timers, strict=False):
        texts[name] = _timer(model.layout, timer, names.target)
        texts[started] = job(model, timer, Around(names.target, beneath=beneath))
    if secured := model.secured:
        renewed = certificates.units(model.layout, secured, unit_name(model.layout, secured.name))
        texts |= {name: sections(said) for name, said in renewed.items()}
    return texts


def _target(summary: str, services: Sequence[str]) -> str:
    return sections(
        {
            "Unit": (
                # A percent sign starts a specifier, a final backslash would join the next line.
                f"Description={summary.replace('%', '%%').rstrip(chr(92))}",
                f"Wants={' '.join(services)}",
            ),
            "Install": ("WantedBy=multi-user.target",),
        }
    )


def _timer(layout: Layout, timer: Timer, target: str) -> str:
    return sections(
        {
            "Unit": (f"Description={layout.app}: {timer.name}, by the clock", f"PartOf={target}"),
            "Timer": (
                f"OnCalendar={timer.calendar}",
                # By itself systemd takes up to a minute.
                "AccuracySec=1s",
                *(("Persistent=yes",) if timer.persistent else ()),
            ),
        }
    )


def unit_helper(layout: Layout) -> str:
    """Return ``libexec/unit``, which services call before they start and when they stop."""
    return render("unit.sh.in", {"APP": layout.app})
