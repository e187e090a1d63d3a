"""The shell functions of maintainer scripts, rendered for one app."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from omnibuild.errors import DefinitionError
from omnibuild.host import hooks as points
from omnibuild.host.layout import Layout
from omnibuild.host.maintainer.applied import applying
from omnibuild.host.model import Versioned
from omnibuild.host.template import render
from omnibuild.host.units.names import DIRECTORY, UnitNames
from omnibuild.host.users import sysusers_conf

_FUNCTION = re.compile(r"^(\w+)\(\) [{(]$", re.MULTILINE)


# What operators started goes on with the new version, too.
_BESIDES = '    for unit in $(started_besides "$units"); do units="$units $unit"; done\n'

_STOP_INSTANCES = """\
        # Of a template all that run, also those that operators started.
        case $1 in
            *@.service) systemctl --quiet stop "${1%.service}*.service" || : ;;
        esac
"""

# Only where a file has some: its package is not on every host.
_SETCAP = """\
        [ "$capabilities" = - ] || setcap "$capabilities" "$path" ||
            echo "{app}: $path could not be given $capabilities" >&2
"""

# When each persistent timer last elapsed.
_STAMPS = "/var/lib/systemd/timers/stamp-"


@dataclass(frozen=True)
class Told:
    """What the maintainer scripts of one app are told of it.

    Args:
        layout: the app's names.
        units: its units.
        hooks: texts by their point.
        config: its configuration files, each as ``owner group mode path``.
        beneath: names of its own servers, which other processes need.
        versioned: whose data other versions of theirs cannot read.
        additions: whether operators may install packages beside it.
        special: files that dpkg cannot unpack as they shall be, each as ``kind owner group
            mode capabilities path``; ``-`` where nothing is said.
        secrets: names of what only this host knows.
        ghosts: files that come into being on the host, and which only rpm knows of, to the formats
            whose packages they go with; all when empty.
        applied: files that are applied as a boot does, to the formats whose packages have them; all
            when empty.
        health: whether the app says that all is well, when it is asked.
    """

    layout: Layout
    units: UnitNames
    hooks: Mapping[str, str]
    config: tuple[str, ...] = ()
    beneath: tuple[str, ...] = ()
    versioned: tuple[Versioned, ...] = ()
    additions: bool = False
    special: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    ghosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    health: bool = False
    applied: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def with_capabilities(self) -> bool:
        """Whether a script gives a file capabilities, which takes a program of another package."""
        return any(line.split()[4] != "-" for line in self.special)

    def __post_init__(self) -> None:
        asking = [name for name in points.PREPARING if name in self.hooks]
        if asking and not self.layout.user:
            raise DefinitionError(
                f"the hook {asking[0]!r} has no user to run as",
                hint='name one: [package] with user = "…"',
            )


def functions(told: Told, *services: str) -> dict[str, str]:
    """Return the text of every function by its name, in the order scripts define them.

    Args:
        told: what the app is.
        services: the templates of what a format does with services.
    """
    templates = ["user.sh.in", "services.sh.in", *services, "clean.sh.in"]
    if told.beneath:
        templates.append("data.sh.in")
    if told.config:
        templates.insert(1, "configuration.sh.in")
    for wanted, template in (
        (told.special, "files.sh.in"),
        (told.ghosts, "ghosts.sh.in"),
        (told.applied, "apply.sh.in"),
        (told.additions, "additions.sh.in"),
        (told.secrets, "make-secrets.sh.in"),
        (told.units.templates, "instances.sh.in"),
    ):
        if wanted:
            templates.append(template)
    found: dict[str, str] = {}
    for template in templates:
        for block in render(template, _values(told)).strip("\n").split("\n\n"):
            found[_FUNCTION.findall(block)[0]] = block
    for point, text in told.hooks.items():
        name = hook_name(point)
        # A subshell: what the hook sets, and its exit, stay its own.
        found[name] = f"{name}() (\n:\n{text.rstrip(chr(10))}\n)"
    return found


def _values(told: Told) -> dict[str, str]:
    """Return what the templates have placeholders for."""
    layout = told.layout
    patterns = " ".join(shlex.quote(each.replace("@", "@*")) for each in told.units.templates)
    return {
        "APP": layout.app,
        "USER": layout.user,
        "SYSUSERS": shlex.quote(sysusers_conf(layout).rstrip("\n")),
        "PREFIX": layout.prefix,
        "DIRECTORIES": layout.directories,
        "STATE": layout.state,
        "ADDITIONS": layout.additions,
        "PIP": f"env -u {layout.variable('STATE')} -u {layout.variable('ADDITIONS')}"
        f" {layout.prefix}/bin/{layout.pip}",
        "LOGS": layout.logs,
        "RUNTIME": layout.runtime,
        "ETC": layout.etc,
        "UNITS": DIRECTORY,
        "TARGET": told.units.target,
        "SERVICES": " ".join(told.units.started),
        "JOBS": "".join(f" {job}" for job in told.units.jobs),
        "STAMPS": "".join(f" {_STAMPS}{timer}" for timer in told.units.timers),
        "CONFIGURATION": "\n".join(told.config),
        "SPECIAL": "\n".join(told.special),
        "APPLIED": applying(told.applied),
        "SETCAP": _SETCAP.format(app=layout.app) if told.with_capabilities else "",
        "HEALTH": f"        {layout.prefix}/libexec/health 10 || :\n" if told.health else "",
        "GHOSTS": "\n".join(told.ghosts),
        "SECRETS": " ".join(told.secrets),
        "WITH_SECRETS": " ".join(
            dict.fromkeys(
                re.sub(r"@[0-9]+\.", "@.", unit) for unit in told.units.services + told.units.jobs
            )
        ),
        "BESIDES": _BESIDES if told.units.templates else "",
        "PATTERNS": patterns,
        "STOP_BESIDES": f"        systemctl --quiet stop {patterns} || :\n" if patterns else "",
        "STOP_INSTANCES": _STOP_INSTANCES if patterns else "",
        "TEMPLATES": "".join(f" {template}" for template in told.units.templates),
        "BENEATH": " ".join(told.beneath),
        "STATE_VARIABLE": layout.variable("STATE"),
        "BACKUPS": layout.variable("BACKUPS"),
    }


def hook_name(point: str) -> str:
    """Return what the function of a hook is called."""
    return f"hook_{point.replace('-', '_')}"
