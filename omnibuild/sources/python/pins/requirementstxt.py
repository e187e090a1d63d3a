"""``requirements.txt`` and the files that it includes, as pip's own parser reads them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omnibuild.errors import LockError, Problem, Where
from omnibuild.recipe.located import printable
from omnibuild.recipe.wheeltags import applies
from omnibuild.sources.python.pins.others import sha256_of
from omnibuild.sources.python.pins.pins import Pin, Pins
from omnibuild.sources.python.requirements import NotARequirementError, checked

LARGEST = 4 << 20
# Files that include each other.
MOST_FILES = 200
_INCLUDES = re.compile(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]*([^\s\x00]+)", re.MULTILINE)
# Options that choose among files of one version, or only how to get them.
_HARMLESS = {"trusted_hosts", "only_binary", "prefer_binary", "require_hashes", "use_features"}


@dataclass
class _Found:
    """What was read so far, with the mistakes among it."""

    python: str
    requires: list[Requirement] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    versions: dict[str, Pin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    files: set[tuple[str, bool]] = field(default_factory=set)


def read_requirements(path: Path, python: str) -> Pins:
    """Return what a requirements file pins and asks for; raises :class:`LockError`."""
    found = _Found(python)
    _read(path, found, constrains=False)
    if found.problems:
        raise LockError.of(found.problems)
    return Pins(
        path,
        versions=found.versions,
        complete=False,
        constraints=tuple(found.constraints),
        requires=tuple(found.requires),
    )


def included(path: Path) -> Iterator[Path]:
    """Yield a requirements file and all that it includes, each once."""
    seen: set[str] = set()
    waiting = [path]
    while waiting and len(seen) < MOST_FILES:
        file = waiting.pop(0)
        place = os.path.realpath(file)
        # Not of Path, whose own fails at names that are too long.
        if place in seen or not os.path.isfile(file):
            continue
        seen.add(place)
        yield file
        with file.open("rb") as stream:
            text = stream.read(LARGEST).decode("utf-8", "replace")
        waiting += [file.parent / name for name in _INCLUDES.findall(text)]


def _read(path: Path, found: _Found, *, constrains: bool) -> None:
    from pip_requirements_parser import RequirementsFile  # a fifth of a second

    if not os.path.isfile(path) or path.stat().st_size > LARGEST:
        raise LockError("there is no such requirements file", where=Where(str(path)))
    place = os.path.realpath(path)
    if {(place, constrains), (place, False)} & found.files:
        return  # in a circle, or by two ways: it says nothing new
    found.files.add((place, constrains))
    if len(found.files) > MOST_FILES:
        raise LockError(f"it includes more than {MOST_FILES} files", where=Where(str(path)))
    try:
        parsed = RequirementsFile.from_file(str(path), include_nested=False)
    except (ValueError, LookupError) as error:
        # Not in UTF-8, or in a coding of a name that nobody knows.
        raise LockError(
            "this is no requirements file", where=Where(str(path)), why=str(error)
        ) from error
    for line in parsed.invalid_lines:
        what = f"not a requirement: {str(line.error_message).splitlines()[0]}"
        found.problems.append(_problem(path, line, what))
    for option in parsed.options:
        _read_option(path, option, found, constrains=constrains)
    for requirement in parsed.requirements:
        _read_requirement(path, requirement, found, constrains=constrains)


def _read_option(path: Path, option: Any, found: _Found, *, constrains: bool) -> None:
    for name, value in option.options.items():
        if name in ("requirements", "constraints"):
            for each in value:
                only = constrains or name == "constraints"
                _read(path.parent / each, found, constrains=only)
        elif name not in _HARMLESS:
            words = option.requirement_line.line.split()[0].partition("=")[0]
            what = f"`{printable(words)}` changes what is installed, and is not obeyed here"
            hint = "one index must have all packages: OMNIBUILD_INDEX_URL is its address"
            found.problems.append(_problem(path, option.requirement_line, what, hint))


def _read_requirement(path: Path, parsed: Any, found: _Found, *, constrains: bool) -> None:
    text = str(parsed.req) if parsed.req and not parsed.is_editable else parsed.line
    try:
        requirement = checked(f"{text}; {parsed.marker}" if parsed.marker else text)
    except NotARequirementError as error:
        found.problems.append(_problem(path, parsed.requirement_line, str(error), error.hint))
        return
    if not applies(requirement.marker, found.python):
        return
    if not constrains:
        found.requires.append(requirement)
    name = canonicalize_name(requirement.name)
    digests = frozenset(sha256_of(parsed.hash_options))
    if parsed.hash_options and not digests:
        what = f"{name} has no SHA-256 digest, and it is the only one that is known here"
        found.problems.append(_problem(path, parsed.requirement_line, what))
    exact = [each for each in requirement.specifier if each.operator in ("==", "===")]
    if exact and not exact[0].version.endswith(".*"):
        found.versions.setdefault(name, Pin(exact[0].version, digests))
    elif requirement.specifier:
        found.constraints.append(Requirement(f"{name}{requirement.specifier}"))


def _problem(path: Path, line: Any, what: str, hint: str = "") -> Problem:
    number = getattr(line, "line_number", 1)
    return Problem(what, Where(str(path), number, 1), hint=hint)
