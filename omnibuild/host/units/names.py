"""What the units of an app are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from omnibuild.host.layout import Layout
from omnibuild.host.model import HostModel, Process
from omnibuild.host.servers import certificates

DIRECTORY: Final = "/usr/lib/systemd/system"


@dataclass(frozen=True)
class UnitNames:
    """The units of an app; all empty for one that runs nothing by itself.

    Args:
        target: the one that is enabled.
        services: of processes, in their order.
        timers: which the target starts, too; what watches certificates is the last of them.
        jobs: what these start, in the same order.
        templates: of services that run several times, and which operators may start once more.
    """

    target: str = ""
    services: tuple[str, ...] = ()
    timers: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()

    @property
    def started(self) -> tuple[str, ...]:
        """What the target starts."""
        return self.services + self.timers


def unit_names(model: HostModel) -> UnitNames:
    """Return the names of all units."""
    if not model.processes and not model.timers:
        return UnitNames()
    return UnitNames(
        target=f"{model.layout.unit}.target",
        services=tuple(name for one in model.processes for name in instances(model.layout, one)),
        timers=(
            *(unit_name(model.layout, timer.name, "timer") for timer in model.timers),
            *((certificates.watch(model.layout),) if model.secured else ()),
        ),
        jobs=(
            *(unit_name(model.layout, timer.name) for timer in model.timers),
            *((certificates.renewal(model.layout),) if model.secured else ()),
        ),
        templates=tuple(
            file_name(model.layout, one) for one in model.processes if one.instances > 1
        ),
    )


def instances(layout: Layout, process: Process) -> tuple[str, ...]:
    """Return the units that run a process: one, or one for each of its instances."""
    name = unit_name(layout, process.name)
    if process.instances == 1:
        return (name,)
    numbers = range(1, process.instances + 1)
    return tuple(name.replace(".service", f"@{number}.service") for number in numbers)


def file_name(layout: Layout, process: Process) -> str:
    """Return the name of the file that says how a process runs."""
    name = unit_name(layout, process.name)
    return name if process.instances == 1 else name.replace(".service", "@.service")


def links(model: HostModel) -> dict[str, str]:
    """Return the instances of templates: host path to what the symlink says."""
    return {
        f"{DIRECTORY}/{name}": file_name(model.layout, process)
        for process in model.processes
        if process.instances > 1
        for name in instances(model.layout, process)
    }


def unit_name(layout: Layout, name: str, kind: str = "service") -> str:
    """Return what the unit of a process or timer is called."""
    return f"{layout.unit}-{name.replace('+', 'plus')}.{kind}"
