"""``omnibuild init``."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import sys
from pathlib import Path

from omnibuild.cli.common import reporting, settings_from, unseen
from omnibuild.discovery.findings import Found
from omnibuild.host.hooks import PREPARE
from omnibuild.locking.building import told_of_needs
from omnibuild.workbench import starting
from omnibuild.workbench.starting import Started


def run(arguments: argparse.Namespace) -> int:
    """Show what was found, ask for the rest on a terminal, write the recipe and its lock."""
    settings = settings_from(arguments)
    subject = arguments.subject or str(arguments.workspace)
    quiet = contextlib.nullcontext(unseen)
    with quiet if arguments.json else reporting(arguments) as emit:
        started = starting.start(settings, subject, arguments.name, emit)
    if not arguments.json:
        _show(started)
        if sys.stdin.isatty() and sys.stdout.isatty():
            started = _asked(started)
    with quiet if arguments.json else reporting(arguments) as emit:
        made = starting.write(settings, started, emit)
    count = len(made.content.packages)
    recipe, lock = os.path.relpath(started.recipe), os.path.relpath(made.path)
    if arguments.json:
        found = {name: dataclasses.asdict(value) for name, value in _rows(started)}
        document = {
            "recipe": str(started.recipe),
            "lock": str(made.path),
            "packages": count,
            "found": found,
            "please": list(started.please),
        }
        sys.stdout.write(json.dumps(document) + "\n")
        return 0
    if started.hooks:
        sys.stdout.write(f"\nwrote {os.path.relpath(started.hooks / PREPARE)}")
    sys.stdout.write(f"\nwrote {recipe}\nwrote {lock}: {count} packages, pinned by digest\n")
    for line in told_of_needs(made.content.packages):
        sys.stdout.write(f"{line}\n")
    for key in started.please:
        sys.stdout.write(f"please correct `{key}` in {recipe}: it was not found\n")
    sys.stdout.write(f"next: {_next(started)}\n")
    return 0


def _next(started: Started) -> str:
    own = started.recipe.name == "omnibuild.toml"
    here = started.recipe.parent.resolve() == Path.cwd()
    where = started.draft.app if not own else os.path.relpath(started.recipe.parent)
    return "omnibuild build" if own and here else f"omnibuild build {where}"


def _rows(started: Started) -> list[tuple[str, Found]]:
    draft, found = started.draft, started.draft.findings
    rows = [("name", Found(draft.app, found.name.where if found.name else ""))]
    rows += [(key, getattr(draft, key)) for key in (*starting.ASKED, "python")]
    if found.homepage:
        rows.append(("homepage", found.homepage))
    rows.append(("source", Found(" = ".join(draft.source), "")))
    if found.web:
        where = ", ".join(filter(None, (found.web.where, found.web.framework)))
        rows.append(("web", Found(f"{found.web.target} by {draft.server}", where)))
        rows += [("health", found.health)] if found.health else []
    rows += [(f"service {name}", value) for name, value in sorted(found.services.items())]
    rows += [
        (f"timer {name}", Found(f"{command.value}, {when.value}", command.where))
        for name, (command, when) in sorted(found.timers.items())
    ]
    rows += [(f"variable {name}", value) for name, value in sorted(found.environment.items())]
    rows += [("prepare", value) for value in found.prepare]
    rows += [(f"command {name}", value) for name, value in sorted(found.commands.items())]
    rows += [("build step", step) for step in found.steps]
    if found.front_end:
        rows.append(("front end", Found(found.front_end.directory, found.front_end.where)))
    rows += [(f"config {name}", value) for name, value in sorted(found.config.items())]
    return rows


def _show(started: Started) -> None:
    rows = _rows(started)
    width = max(len(name) for name, _ in rows)
    values = min(44, max(len(found.value) for _, found in rows))
    for name, found in rows:
        sys.stdout.write(f"{name:<{width}}  {found.value:<{values}}  {found.where}".rstrip() + "\n")
    for note in started.draft.findings.notes:
        sys.stdout.write(f"note: {note}\n")


def _asked(started: Started) -> Started:
    """Ask for what was not found; an empty answer keeps what stands there."""
    for key in started.please:
        offered = getattr(started.draft, key).value
        answer = input(f"{key} [{offered}]: ").strip()
        if answer:
            started = started.answered(key, answer)
    return started
