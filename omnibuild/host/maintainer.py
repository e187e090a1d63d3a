"""Maintainer scripts of both formats: small, idempotent, made of one set of shell functions.

A script holds only the functions that it calls. Users, directories and services come about by
the distribution's own means; where there is no systemd yet (containers, images) scripts do what
the first boot needs and start nothing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omnibuild.errors import DefinitionError
from omnibuild.host import hooks as points
from omnibuild.host.layout import Layout
from omnibuild.host.model import Versioned
from omnibuild.host.template import render
from omnibuild.host.units import DIRECTORY, UnitNames
from omnibuild.host.users import sysusers_conf

Steps = tuple[str, ...]

_FUNCTION = re.compile(r"^(\w+)\(\) [{(]$", re.MULTILINE)

# What dpkg may call a script with; the other format passes a number.
_DEB_CALLS = {
    "preinst": ("install", "upgrade", "abort-upgrade"),
    "postinst": ("configure", "abort-upgrade", "abort-remove", "abort-deconfigure", "triggered"),
    "prerm": ("remove", "upgrade", "deconfigure", "failed-upgrade"),
    "postrm": (
        "remove",
        "purge",
        "upgrade",
        "failed-upgrade",
        "abort-install",
        "abort-upgrade",
        "disappear",
    ),
}

# When each persistent timer last elapsed.
_STAMPS = "/var/lib/systemd/timers/stamp-"

_DEB_ACTION = 'if [ -n "${2:-}" ]; then action=upgrade; else action=install; fi'
_CHECK_USER = 'check_user || [ "$action" = upgrade ]'
_RPM_ACTION = 'if [ "${1:-1}" -gt 1 ]; then action=upgrade; else action=install; fi'


@dataclass(frozen=True)
class Scripts:
    """What the maintainer scripts of one app have to do.

    Args:
        layout: the app's names.
        units: its units.
        hooks: texts by their point.
        config: its configuration files, each as ``owner group mode path``.
        beneath: names of its own servers, which other processes need.
        versioned: whose data other versions of theirs cannot read.
        additions: whether operators may install packages beside it.
        special: files that dpkg cannot unpack as they shall be, each as ``owner group mode
            capabilities path``; ``-`` where nothing is said.
    """

    layout: Layout
    units: UnitNames
    hooks: Mapping[str, str]
    config: tuple[str, ...] = ()
    beneath: tuple[str, ...] = ()
    versioned: tuple[Versioned, ...] = ()
    additions: bool = False
    special: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if points.PREPARE in self.hooks and not self.layout.user:
            raise DefinitionError(
                "the hook 'prepare' has no user to run as",
                hint='name one: [package] with user = "…"',
            )

    def deb(self) -> dict[str, str]:
        """Return the scripts of a deb by their name."""
        before = self._hook(points.PRE_INSTALL, '"$action" "${2:-}"')
        after = self._hook(points.POST_CONFIGURE, '"$action" "${2:-}"')
        start = self._services('enable_services "$action"', 'start_services "$action"')
        runtime = self._user("remove_runtime")
        accounts = self._user("create_user", "make_directories")
        own = self._config("own_configuration")
        added = self._additions("check_additions")
        special = ("finish_files",) if self.special else ()
        configure = (*accounts, *own, *special, *added, *self._prepare(), *after, *start)
        first = (
            *self._user(_CHECK_USER),
            *self._data(),
            *self._services("note_services"),
            *before,
            *self._config('note_new_configuration "$1"'),
        )
        cases: dict[str, dict[str, Steps]] = {
            "preinst": {
                "install|upgrade": first and (_DEB_ACTION, *first),
            },
            "postinst": {
                "configure": configure and (_DEB_ACTION, *configure),
                "abort-remove": self._services("resume_services"),
            },
            "prerm": {
                "remove": (
                    *self._services("note_services"),
                    *self._hook(points.PRE_REMOVE),
                    *self._services("stop_services"),
                ),
                "upgrade": (*self._services("note_units"), *self._config("note_configuration")),
            },
            "postrm": {
                "abort-install|abort-upgrade": self._config("forget_configuration"),
                "upgrade": self._services("stop_dropped"),
                "remove": ("clean_prefix", *runtime, *self._services("reload_systemd")),
                "purge": (
                    *self._hook(points.PURGE),
                    *self._services("forget_services", "reload_systemd"),
                    "remove_data",
                    *self._additions("remove_additions"),
                    "remove_configuration",
                ),
            },
        }
        wanted = {name: _deb_case(name, steps) for name, steps in cases.items()}
        return self._scripts(wanted, "services-deb.sh.in")

    def rpm(self) -> dict[str, str]:
        """Return the scripts of an rpm by their name."""
        before = self._hook(points.PRE_INSTALL, '"$action" ""')
        after = self._hook(points.POST_CONFIGURE, '"$action" ""')
        enable = self._services('enable_services "$action"')
        # rpm goes on when this one fails, and the new services shall not start then.
        configure = (
            *self._services("begin_configuring"),
            # Once more: there is --nopre.
            *self._claim(*self._user("create_user", "make_directories")),
            *enable,
            *self._additions("check_additions"),
            *self._prepare(),
            *after,
            *self._services("end_configuring"),
        )
        erase = (*self._hook(points.PRE_REMOVE), *self._services("stop_services"))
        first = (
            *self._user(_CHECK_USER),
            *self._data(),
            *self._user("create_user"),
            *self._services("note_services"),
            *before,
        )
        wanted = {
            # Only here does a failure keep the package from being installed.
            "pre": first and (_RPM_ACTION, *first),
            "post": configure and (_RPM_ACTION, *configure),
            # 0: the last version leaves; otherwise an upgrade removes the old one.
            "preun": erase and _if_erased(erase),
            "postun": (
                *_if_erased(("clean_prefix", *self._user("remove_runtime"))),
                *self._services("stop_dropped", "reload_systemd"),
            ),
            "posttrans": self._services("start_services"),
        }
        return self._scripts(wanted, "services-rpm.sh.in")

    def _user(self, *steps: str) -> Steps:
        return steps if self.layout.user else ()

    def _additions(self, *steps: str) -> Steps:
        return steps if self.additions else ()

    def _config(self, *steps: str) -> Steps:
        return steps if self.config else ()

    def _claim(self, *accounts: str) -> Steps:
        """Let rpm's configuration files be whose they shall be, once the accounts are there."""
        if all(line.startswith("root root ") for line in self.config):
            return accounts
        known = f"known=$(id -u {self.layout.user} 2>/dev/null || :)"
        return (known, *accounts, 'claim_configuration "$known"')

    def _prepare(self) -> Steps:
        # It becomes the app's user itself, once it has read what only root may read.
        # The caller's state is none of its business.
        run = f"env -u {self.layout.variable('STATE')} {self.layout.prefix}/libexec/prepare"
        return (run,) if points.PREPARE in self.hooks else ()

    def _hook(self, point: str, arguments: str = "") -> Steps:
        return (f"{_hook_name(point)} {arguments}".rstrip(),) if point in self.hooks else ()

    def _data(self) -> Steps:
        """Refuse a version that would not do for the data, before anything is changed."""
        checks = (f"check_data {one.name} {one.file} {one.version}" for one in self.versioned)
        return (*checks, *(("back_up",) if self.beneath else ()))

    def _services(self, *steps: str) -> Steps:
        return steps if self.units.target else ()

    def _scripts(self, wanted: Mapping[str, Steps], services: str) -> dict[str, str]:
        functions = self._functions(services)
        return {name: _script(steps, functions) for name, steps in wanted.items() if steps}

    def _functions(self, services: str) -> dict[str, str]:
        """Return the text of every function by its name, in the order scripts define them."""
        layout = self.layout
        values = {
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
            "TARGET": self.units.target,
            "SERVICES": " ".join(self.units.started),
            "JOBS": "".join(f" {job}" for job in self.units.jobs),
            "STAMPS": "".join(f" {_STAMPS}{timer}" for timer in self.units.timers),
            "CONFIGURATION": "\n".join(self.config),
            "SPECIAL": "\n".join(self.special),
            "BENEATH": " ".join(self.beneath),
            "STATE_VARIABLE": layout.variable("STATE"),
            "BACKUPS": layout.variable("BACKUPS"),
        }
        templates = ["user.sh.in", "services.sh.in", services, "clean.sh.in"]
        if self.beneath:
            templates.append("data.sh.in")
        if self.config:
            templates.insert(1, "configuration.sh.in")
        if self.special:
            templates.append("files.sh.in")
        if self.additions:
            templates.append("additions.sh.in")
        found: dict[str, str] = {}
        for template in templates:
            for block in render(template, values).strip("\n").split("\n\n"):
                found[_FUNCTION.findall(block)[0]] = block
        for point, text in self.hooks.items():
            name = _hook_name(point)
            # A subshell: what the hook sets, and its exit, stay its own.
            found[name] = f"{name}() (\n:\n{text.rstrip(chr(10))}\n)"
        return found


def _hook_name(point: str) -> str:
    return f"hook_{point.replace('-', '_')}"


def _if_erased(steps: Sequence[str]) -> Steps:
    return ('if [ "${1:-0}" -eq 0 ]; then', *(f"    {step}" for step in steps), "fi")


def _deb_case(script: str, cases: Mapping[str, Steps]) -> Steps:
    if not any(cases.values()):
        return ()
    lines = ['case "${1:-}" in']
    for calls, steps in cases.items():
        if steps:
            lines += [f"{calls})", *(f"    {step}" for step in steps), "    ;;"]
    done = {call for calls, steps in cases.items() if steps for call in calls.split("|")}
    idle = [call for call in _DEB_CALLS[script] if call not in done]
    if idle:
        lines.append(f"{' | '.join(idle)}) ;;")
    unknown = f'    echo "{script}: unknown argument: ${{1:-}}" >&2'
    return (*lines, "*)", unknown, "    exit 1", "    ;;", "esac")


def _script(steps: Sequence[str], functions: Mapping[str, str]) -> str:
    body = "\n".join(steps)
    needed = _needed(body, functions)
    blocks = [text for name, text in functions.items() if name in needed]
    return "\n\n".join(["#!/bin/sh\nset -eu", *blocks, body]) + "\n"


def _needed(text: str, functions: Mapping[str, str]) -> set[str]:
    """Return the functions that ``text`` calls, and those that these call."""
    needed: set[str] = set()
    pending = [text]
    while pending:
        words = set(re.findall(r"\w+", pending.pop()))
        new = (words & functions.keys()) - needed
        needed |= new
        pending += [functions[name] for name in new]
    return needed
