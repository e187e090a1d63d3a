"""``omnibuild artifact``: what was built, built again or beside another."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from textwrap import shorten

from omnibuild import pipeline
from omnibuild.cli.common import most_unpacked, reporting, settings_from
from omnibuild.digests import of_file
from omnibuild.errors import UsageError, printable
from omnibuild.events import human_size
from omnibuild.package.opening.opened import Opened, open_package
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.whereabouts import is_path
from omnibuild.sources.archive import at_most
from omnibuild.workbench import examine, rebuild
from omnibuild.workbench.differing import Change, Differences, differences
from omnibuild.workbench.inspecting import inspect

DIFFERENT = 1
# More lines, and longer values, are for machines.
SHOWN_FILES, SHOWN_LINES, WIDTH = 60, 12, 100


def run(arguments: argparse.Namespace) -> int:
    """Do what the action's word says."""
    actions = {"diff": _diff, "inspect": _inspect, "rebuild": _rebuild}
    return actions[arguments.action](arguments)


def _inspect(arguments: argparse.Namespace) -> int:
    """Tell what is inside a package."""
    with tempfile.TemporaryDirectory(prefix="omnibuild-inspect-") as directory:
        found = inspect(_opened(arguments.package, Path(directory), arguments))
    if arguments.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(found)) + "\n")
        return 0
    title = f"{found.name} {found.version}".strip()
    lines = [f"{title} ({found.architecture})" if found.architecture else title]
    for name, items in found.said.items():
        lines += _field(name, items)
    lines += ["", f"installed: {human_size(found.size)} in {found.files:,} files"]
    lines += [f"{human_size(p.size):>10}  {p.name} {p.version}".rstrip() for p in found.parts]
    _tell(lines)
    return 0


def _tell(lines: Iterable[str]) -> None:
    for line in lines:
        # Other people's words: none may draw on a terminal.
        sys.stdout.write(printable(line).replace("\n", " ") + "\n")


def _field(name: str, items: tuple[str, ...]) -> Iterator[str]:
    """Yield the lines of a field: those of a text, as a description, stay what they are."""
    whole = ", ".join(items)
    # A deb says an empty line by a dot.
    lines = [line for line in whole.splitlines() if line.strip(" .")]
    if len(items) > 1 and len(whole) > WIDTH:
        lines = list(items)
    for number, line in enumerate(lines[:SHOWN_LINES]):
        shown = shorten(line, WIDTH, placeholder=" …")
        yield f"  {shown}" if number else f"{name}: {shown}"
    if len(lines) > SHOWN_LINES:
        yield "  …"


def _opened(path: Path, directory: Path, arguments: argparse.Namespace) -> Opened:
    if not path.exists():
        raise UsageError(f"there is no file or directory {path}")
    return open_package(path, directory, at_most(most_unpacked(arguments)))


def _diff(arguments: argparse.Namespace) -> int:
    """Tell what differs between two packages."""
    with contextlib.ExitStack() as stack:
        opened = []
        for path in (arguments.first, arguments.second):
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="omnibuild-diff-"))
            opened.append(_opened(path, Path(directory), arguments))
        found = differences(*opened)
    changes = {"fields": found.fields, "parts": found.parts, "files": found.files}
    status = DIFFERENT if any(changes.values()) or not _is_copy(arguments) else 0
    if arguments.json:
        told = {name: [dataclasses.asdict(each) for each in many] for name, many in changes.items()}
        document = {"same": not status, "sizes": found.sizes, **told}
        sys.stdout.write(json.dumps(document) + "\n")
        return status
    lines = [f"{_verb(each):8}{each.name}  {_values(each)}" for each in found.fields + found.parts]
    _tell((*lines, *_file_lines(found.files[:SHOWN_FILES])))
    if (left := len(found.files) - SHOWN_FILES) > 0:
        sys.stdout.write(f"and {left} files more; --json tells all\n")
    before, after = map(human_size, found.sizes)
    sys.stdout.write(f"installed: {before}, then {after}{_summary(found, same=not status)}\n")
    return status


def _is_copy(arguments: argparse.Namespace) -> bool:
    """Tell whether nothing can differ besides files: a directory says nothing of itself."""
    paths: tuple[Path, Path] = (arguments.first, arguments.second)
    if any(path.is_dir() for path in paths):
        return True
    first, second = map(of_file, paths)
    return first == second


def _summary(found: Differences, *, same: bool) -> str:
    if same:
        return "; the same"
    return "" if found.files else "; the same files, in other packages"


def _verb(change: Change) -> str:
    return "added" if change.before is None else "gone" if change.after is None else "changed"


def _values(change: Change) -> str:
    values = (value for value in (change.before, change.after) if value)
    return ", then ".join(shorten(value, WIDTH, placeholder=" …") for value in values)


def _file_lines(files: tuple[Change, ...]) -> Iterator[str]:
    for file in files:
        owner = f"  ({file.owner})" if file.owner else ""
        grown = f"  {'+' if file.grown > 0 else '-'}{human_size(abs(file.grown))}"
        yield f"{_verb(file):8}{file.name}{grown if file.grown else ''}{owner}"


def _is_recipe(definitions: Definitions, subject: str) -> bool:
    """Tell whether a name is that of a recipe, or a path to one; names of actions have slashes."""
    named = subject in definitions.names("recipes")
    return named or (is_path(subject) and Path(subject).exists()) or Path(subject).is_dir()


def _rebuild(arguments: argparse.Namespace) -> int:
    """Build again elsewhere; list what is the same, or end with what differs."""
    settings = settings_from(arguments)
    if _is_recipe(Definitions(settings.workspace), arguments.subject):
        planned = pipeline.plan(settings, arguments.subject, arguments.platform)
        only: set[str] = set()
    else:
        planned = examine.plan_with(settings, arguments.subject, "")
        only = {
            action.name
            for action in planned.plan
            if action.output is None and examine.stands_for(arguments.subject, action.name)
        }
    with reporting(arguments) as emit:
        compared = rebuild.rebuild(settings, planned, only, emit)
    for item in compared:
        if arguments.json:
            document = {"action": item.action, "digest": item.first.digest}
            sys.stdout.write(json.dumps(document) + "\n")
        else:
            sys.stdout.write(f"same  {item.first.digest[:16]}  {item.action}\n")
    return 0
