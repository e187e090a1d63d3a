"""What changed in a package, as its own changelog says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from omnibuild.patterns import regex
from omnibuild.repository.state.entries import Change, Deb, Rpm
from omnibuild.repository.web.document import render, text
from omnibuild.repository.web.listing import Offer, latest

MOST: Final = 5

_ITEM = regex(r"\s*[-*+•] +")
# rpm has no place for the version: by custom it is behind the author.
_AUTHOR = regex(r"(?P<name>.*?)(?: <[^>]*>)?(?:(?: -)? (?P<version>[0-9]\S*))?")


def changes_section(offers: Iterable[Offer]) -> str:
    """Return the newest changes, the newest first; empty where nothing tells of any."""
    found = "".join(_entry(change) for change in _changes(list(offers))[:MOST])
    return render("changes.html.in", {"ENTRIES": found.rstrip("\n")}) if found else ""


def _changes(offers: Sequence[Offer]) -> Sequence[Change]:
    """Return the changelog of the newest package that has one; that of a .deb says more."""
    for kind in (Deb, Rpm):
        newest = latest(
            each for each in offers if isinstance(each.item, kind) and _tells(each.item)
        )
        if newest and isinstance(newest.item, Deb):
            return newest.item.changes
        if newest and isinstance(newest.item, Rpm):
            # Loaded for rpms, as all that knows their format.
            from omnibuild.repository.yum.elements import changes_of

            return [
                _of_rpm(each.author, each.date, each.text) for each in changes_of(newest.item.other)
            ]
    return ()


def _tells(package: Deb | Rpm) -> bool:
    return bool(package.changes) if isinstance(package, Deb) else "<changelog" in package.other


def _of_rpm(author: str, date: int, said: str) -> Change:
    found = _AUTHOR.fullmatch(author)
    name, version = (found["name"], found["version"] or "") if found else (author, "")
    return Change(version, date, name, said)


def _entry(change: Change) -> str:
    day = f"{datetime.fromtimestamp(change.date, UTC):%Y-%m-%d}" if change.date else ""
    values = {
        "VERSION": text(change.version or day or "Changes"),
        "DAY": f' <time datetime="{day}">{day}</time>' if day and change.version else "",
        "AUTHOR": f'<p class="meta"><bdi>{text(change.author)}</bdi></p>\n'
        if change.author
        else "",
        "TEXT": _body(change.text),
    }
    return render("change.html.in", values)


def _body(said: str) -> str:
    """Return the items of a text as a list, and what is none as it is."""
    parts: list[tuple[bool, str]] = []
    for line in said.split("\n"):
        if found := _ITEM.match(line):
            parts.append((True, line[found.end() :].strip()))
        elif line.strip() and parts:
            is_item, before = parts[-1]
            parts[-1] = (is_item, f"{before} {line.strip()}".strip())
        elif line.strip() or parts[-1:] != [(False, "")]:
            parts.append((False, line.strip()))
    return _html([part for part in parts if part[1]])


def _html(parts: Iterable[tuple[bool, str]]) -> str:
    lines: list[str] = []
    listed = False
    for is_item, said in parts:
        if is_item != listed:
            lines.append("<ul>" if is_item else "</ul>")
        listed = is_item
        tag = "li" if is_item else "p"
        lines.append(f'<{tag} dir="auto">{text(said)}</{tag}>')
    return "\n".join([*lines, *(["</ul>"] if listed else [])])
