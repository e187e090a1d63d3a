"""``requirements.txt`` and the files that it includes, as pip's own parser reads them."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name, parse_sdist_filename

from omnibuild.errors import DefinitionError, LockError, Problem, Where
from omnibuild.patterns import regex
from omnibuild.recipe.located import printable
from omnibuild.recipe.wheeltags import applies
from omnibuild.sources.python.pins.elsewhere import sha256_of
from omnibuild.sources.python.pins.pins import Pin, Pins
from omnibuild.sources.python.project.declared import declared_identity
from omnibuild.sources.python.project.rules import is_address
from omnibuild.sources.python.requirements import NotARequirementError, checked
from omnibuild.transfer.credentials import without_login

LARGEST = 4 << 20
# Files that include each other.
MOST_FILES = 200
_INCLUDES = regex(r"^\s*(?:-r|-c|--requirement|--constraint)[\s=]*([^\s\x00]+)", re.MULTILINE)
_PATH = regex(r"[^#]*/|\s*(?:-e|--editable)\b")
_WEB = regex(r"(?!file:)\b[a-z+]+://\S+")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Options that choose among files of one version, or only how to get them.
_INDEX_OPTIONS = ("index_url", "extra_index_urls")
_INDEXES = regex(r"(?<!\S)(-i|--index-url|--pypi-url|--extra-index-url)[\s=]+(\S+)")
_COMMENT = regex(r"(?:^|\s)#.*$", re.MULTILINE)
_HARMLESS = {"trusted_hosts", "only_binary", "prefer_binary", "require_hashes", "use_features"}


@dataclass
class _Found:
    """What was read so far, with the mistakes among it."""

    python: str
    project: Path
    requires: list[Requirement] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    versions: dict[str, Pin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    files: set[tuple[str, bool]] = field(default_factory=set)


def read_requirements(path: Path, python: str, project: Path) -> Pins:
    """Return what a requirements file pins and asks for; raises :class:`LockError`.

    Args:
        path: the file.
        python: series of CPython.
        project: where pip would be called: paths are relative to it.
    """
    found = _Found(python, project)
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


def decoded(data: bytes) -> str:
    """Return the text of a requirements file: in UTF-8, or what its first bytes say, as for pip."""
    for mark, coding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(coding, "replace")
    return data.decode("utf-8", "replace")


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
            text = decoded(stream.read(LARGEST))
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
        elif name in _INDEX_OPTIONS:
            for url in [value] if isinstance(value, str) else value:
                if "${" in url or not is_address(url):
                    what = f"`{printable(without_login(url))}` is no address of an index"
                    hint = "write all of it without variables; passwords belong into netrc"
                    found.problems.append(_problem(path, option.requirement_line, what, hint))
        elif name not in _HARMLESS:
            words = option.requirement_line.line.split()[0].partition("=")[0]
            what = f"`{printable(words)}` changes what is installed, and is not obeyed here"
            hint = "let an index have them, which `--extra-index-url` or UV_INDEX may name"
            found.problems.append(_problem(path, option.requirement_line, what, hint))


def _read_requirement(path: Path, parsed: Any, found: _Found, *, constrains: bool) -> None:
    try:
        text = addressed(parsed, found.project) if parsed.link else str(parsed.req or parsed.line)
        if not text:
            return
        if parsed.marker and not parsed.link:
            text = f"{text}; {parsed.marker}"
        requirement = checked(text, addressed=not constrains)
    except NotARequirementError as error:
        found.problems.append(_problem(path, parsed.requirement_line, str(error), error.hint))
        return
    if not applies(requirement.marker, found.python):
        return
    if requirement.url:
        found.requires.append(requirement)
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


def named_indexes(path: Path) -> tuple[list[str], str]:
    """Return the further indexes that a file and what it includes name, and the one in all's place.

    Of several that are to stand for the public one the last counts, as with pip.
    """
    more, own = [], ""
    for file in included(path):
        text = _COMMENT.sub("", file.read_text("utf-8", "replace"))
        for option, url in _INDEXES.findall(text):
            if option == "--extra-index-url":
                more.append(url)
            else:
                own = url
    return more, own


def names_directories(path: Path) -> bool:
    """Tell whether some requirement of a file could be a directory of this machine."""
    for file in included(path):
        lines = _WEB.sub("", decoded(file.read_bytes())).splitlines()
        if any(_PATH.match(line) and not _INCLUDES.match(line) for line in lines):
            return True
    return False


def addressed(parsed: Any, project: Path) -> str:
    """Return a line with an address, or a path, as a requirement; nothing for the project itself.

    Raises :class:`NotARequirementError` when nobody can tell what is there.
    """
    url, _, fragment = parsed.link.url.partition("#")
    if "${" in url:
        what = f"`{printable(parsed.line)}` names a variable, and none is put into an address"
        raise NotARequirementError(what, "write it without; names and passwords belong into netrc")
    said = {key: values[0] for key, values in parse_qs(fragment).items()}
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    if not urlsplit(url).scheme:
        place = project / unquote(url)
        if os.path.isdir(place) and os.path.samefile(place, project):
            if not extras:
                return ""
            what = f"`{printable(parsed.line)}` chooses extras of the project itself"
            raise NotARequirementError(
                what, f"write `extras = {sorted(parsed.extras)}` in [python]"
            )
        if "\0" in str(place):
            what = f"`{printable(parsed.line)}` names what no path can be"
            raise NotARequirementError(what, "take the %00 out of it")
        url = place.resolve().as_uri()
    name = parsed.name or _name_of(url)
    if not name:
        what = f"`{printable(parsed.line)}` does not say which package is there"
        raise NotARequirementError(what, f"write: {printable(parsed.line)}#egg=NAME")
    kept = {key: said[key] for key in ("subdirectory", "sha256") if key in said}
    digests = list(sha256_of(parsed.hash_options))
    if len(digests) == 1:
        kept["sha256"] = digests[0]
    marker = f" ; {parsed.marker}" if parsed.marker else ""
    return f"{name}{extras} @ {url}{'#' + urlencode(kept, safe='/') if kept else ''}{marker}"


def _name_of(url: str) -> str:
    """Return the name of the package at an address, as far as that or a directory tells it."""
    parts = urlsplit(url)
    path = Path(unquote(parts.path))
    try:
        if parts.scheme == "file" and os.path.isdir(path):
            return declared_identity(path)[0]
        return str(parse_sdist_filename(path.name)[0])
    except (DefinitionError, ValueError):
        return ""


def _problem(path: Path, line: Any, what: str, hint: str = "") -> Problem:
    number = getattr(line, "line_number", 1)
    return Problem(what, Where(str(path), number, 1), hint=hint)
