"""Changelogs: read as Debian has them or as `Keep a Changelog`_ does, and written for Debian.

.. _Keep a Changelog: https://keepachangelog.com/en/1.1.0/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from textwrap import wrap
from typing import Final

from omnibuild.errors import DefinitionError, Where
from omnibuild.package.identity import LAST_DATE, WIDTH
from omnibuild.package.versions import host_version, split_epoch
from omnibuild.patterns import regex
from omnibuild.payload.model import Change

# deb-changelog(5).
_FIRST = regex(r"\w[-+0-9a-z.]* \((?P<version>[^()\s]+)\)(?:\s+[-+0-9a-zA-Z.]+)+;.*")
_MARK = regex(r" (?=[-+*](?: |$))")
_LAST = regex(r" -- (?P<author>.* <.*>) {2}(?P<date>.+)")
_HEADING = regex(r"## +\[?v?(?P<version>[0-9][^\]\s]*)\]?(?:\([^)]*\))?(?P<rest>.*)")
_DATE = regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_REFERENCE = regex(r"\[[^\]]+\]: \S+")
_ITEM = regex(r"(\s*)[-*+] +")
# What the items below it are, as: Added, Fixed.
_GROUP = regex(r"#{3,6} +(?P<name>.*?)[ #]*")
_CONTROL = regex(r"[\x00-\x08\x0b-\x1f\x7f]")
_HINT = (
    "Debian's own (man deb-changelog), and Markdown with a heading `## [1.2.0] - 2024-05-31` for"
    " each version (keepachangelog.com) are read"
)
SUITE: Final = "stable"
LONGEST_LINE: Final = 10_000


def read_changelog(text: str, file: str, author: str) -> tuple[Change, ...]:
    """Return the changes of a changelog, the newest first.

    Args:
        text: of the file.
        file: what it is called, for errors.
        author: who has made changes of which the file does not say so, as ``Name <address>``.

    Raises:
        DefinitionError: it is neither of both formats, or a date cannot be read.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise _error(
                file, number, "a line of the changelog is too long", f"{len(line)} letters"
            )
        if _CONTROL.search(line):
            raise _error(file, number, "the changelog holds a control character", repr(line))
    first = next((line for line in lines if line.strip()), "")
    if _FIRST.fullmatch(first):
        return tuple(_debian(lines, file))
    changes = tuple(_markdown(lines, file, author))
    if not changes:
        raise _error(file, 1, "no version is found in this changelog", "", _HINT)
    return changes


def render_changelog(name: str, changes: Iterable[Change]) -> str:
    """Return a changelog as ``deb-changelog(5)`` has it."""
    return "\n".join(_paragraph(name, change) for change in changes)


def _paragraph(name: str, change: Change) -> str:
    lines = [f"{name} ({change.version}) {SUITE}; urgency=medium", ""]
    for item in change.items:
        found = wrap(
            # A line that began with it would be an item of its own.
            _MARK.sub("\0", f"* {item}"),
            WIDTH,
            initial_indent="  ",
            subsequent_indent="    ",
            break_long_words=False,
            break_on_hyphens=False,
        )
        lines += [line.replace("\0", " ") for line in found]
    when = format_datetime(datetime.fromtimestamp(change.date, UTC))
    lines += ["", f" -- {change.author}  {when}"]
    return "\n".join(lines) + "\n"


def _debian(lines: Sequence[str], file: str) -> Iterator[Change]:
    version, items = "", list[str]()
    for number, line in enumerate(lines, start=1):
        if found := _FIRST.fullmatch(line):
            if version:
                raise _error(file, number, f"the entry of {version} has no end", "", _HINT)
            version, items = found["version"], []
        elif found := _LAST.fullmatch(line):
            date = _moment(found["date"], file, number)
            yield Change(version, date, found["author"], tuple(items))
            version = ""
        elif line.startswith("  ") and version:
            _gather(items, line[2:])
        elif line.strip():
            raise _error(file, number, "this line is no part of a changelog", repr(line), _HINT)
    if version:
        raise _error(file, len(lines), f"the entry of {version} has no end", "", _HINT)


def _markdown(lines: Sequence[str], file: str, author: str) -> Iterator[Change]:
    change: Change | None = None
    items: list[str] = []
    group = ""
    for number, line in enumerate(lines, start=1):
        if not line.startswith("## "):
            if found := _GROUP.fullmatch(line):
                group = found["name"]
            elif change and not _REFERENCE.fullmatch(line):
                _gather(items, line.rstrip(), group)
            continue
        if change:
            yield Change(change.version, change.date, author, tuple(items))
        change, items, group = None, [], ""
        if found := _HEADING.fullmatch(line.rstrip()):
            said = _DATE.search(found["rest"])
            if not said:
                what = f"the heading of {found['version']} has no date"
                raise _error(file, number, what, repr(line), _HINT)
            version = host_version(split_epoch(found["version"])[1])
            change = Change(version, _day(said[0], file, number), author, ())
    if change:
        yield Change(change.version, change.date, author, tuple(items))


def _gather(items: list[str], line: str, group: str = "") -> None:
    """Add a line to the items, or to the last of them; an item says first what it is, if known."""
    text = line.strip()
    if not text:
        return
    if _ITEM.match(line) or not items or not line[:1].isspace():
        said = _ITEM.sub("", line, count=1).strip()
        items.append(f"{group}: {said}" if group else said)
    else:
        items[-1] += f" {text}"


def _moment(text: str, file: str, number: int) -> int:
    try:
        return _checked(parsedate_to_datetime(text.strip()))
    except (ValueError, OverflowError) as error:
        raise _error(file, number, "the date cannot be read", repr(text), _HINT) from error


def _day(text: str, file: str, number: int) -> int:
    try:
        return _checked(datetime.fromisoformat(text).replace(tzinfo=UTC))
    except (ValueError, OverflowError) as error:
        raise _error(file, number, "the date cannot be read", repr(text), _HINT) from error


def _checked(date: datetime) -> int:
    seconds = int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp())
    if not 0 <= seconds <= LAST_DATE:
        raise ValueError(f"{seconds} seconds are not between the years 1970 and 2106")
    return seconds


def _error(file: str, line: int, what: str, why: str, hint: str = "") -> DefinitionError:
    return DefinitionError(what, where=Where(file, line), why=why, hint=hint)
