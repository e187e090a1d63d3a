"""What a server of the app's own is to everything else here: one row of the table."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from omnibuild.host.layout import Layout
from omnibuild.host.template import render


@dataclass(frozen=True)
class Bundled:
    """A server that an app brings for itself alone.

    Its table in the recipe is the first argument of all that is asked of a row.

    Args:
        component: what brings it.
        title: what it is, for the unit's description.
        functions: shell functions of its launcher, as ``bundled.sh.in`` calls them.
        config: files for operators, by name below the app's own directory in ``/etc``.
        variables: what the app is told, as shell.
        commands: programs for operators by the end of their name, each with its arguments, in
            which ``{runtime}`` stands for the directory of sockets.
        data: the version that is written beside its data and cannot change with them, with the
            file that says it, relative to the data; none where any version reads them.
        signal: what ends it at once and in order.
    """

    component: Callable[[Any], str]
    title: str
    functions: Callable[[Any, Layout], str]
    config: Callable[[Any], Mapping[str, str]]
    variables: Callable[[Layout], Mapping[str, str]]
    commands: Callable[[Any, Layout], Mapping[str, tuple[str, ...]]] = lambda _, __: {}
    data: Callable[[Any], tuple[str, str] | None] = lambda _: None
    signal: str = "TERM"


def start(name: str, row: Bundled, options: Any, layout: Layout) -> str:
    """Return the shell of a row's launcher: its functions, then what all rows do alike."""
    version, file = row.data(options) or ("", "")
    values = {
        "APP": layout.app,
        "UNIT": layout.unit,
        "NAME": name,
        "STATE": layout.variable("STATE"),
        "ETC": layout.variable("ETC"),
        "RUNTIME": layout.variable("RUNTIME"),
        "BACKUPS": layout.variable("BACKUPS"),
        "SIGNAL": row.signal,
        "VERSION": shlex.quote(version),
        "FILE": shlex.quote(file),
        "RELAY": render("relay.sh.in", {}).rstrip("\n"),
        "FUNCTIONS": row.functions(options, layout).strip("\n"),
    }
    return render("bundled.sh.in", values).rstrip("\n")
