"""The lists of packages, as pages and as JSON: one of each for every leaf of the catalogue.

A page is called after the first name on it, and changes only when something on it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape

import msgspec

from omnibuild import __version__, digests
from omnibuild.digests import Digest
from omnibuild.events import human_size
from omnibuild.repository import layout
from omnibuild.repository.clients.catalogue import Catalogue, Edition, Listed
from omnibuild.repository.clients.listing import DEB, RPM, Row
from omnibuild.repository.clients.template import render
from omnibuild.repository.state.head import Repository
from omnibuild.repository.state.ledger import Leaf
from omnibuild.repository.targets.target import Target

# So many are on the front page itself.
ROWS_OF_FRONT = 200


def front_rows(target: Target, edition: Edition) -> list[Row] | None:
    """Return all rows where they are few enough for the front page."""
    ledger = Catalogue.of(target, edition).ledger
    if ledger.count > ROWS_OF_FRONT:
        return None
    rows = _rows(ledger)
    return rows if len(rows) <= ROWS_OF_FRONT else None


def pages(
    target: Target, record: Repository, edition: Edition, known: Iterable[Leaf] = ()
) -> Iterator[tuple[str, str]]:
    """Yield pages by their paths; without those of known leaves."""
    ledger = Catalogue.of(target, edition).ledger
    unchanged = set(known)
    for number, leaf in enumerate(edition.leaves):
        if leaf not in unchanged:
            rows = _rows(ledger.entries(number))
            yield page_path(leaf), _page(record, name_of(leaf), rows)
            yield json_path(leaf), as_json(rows)


def frame(record: Repository) -> Digest:
    """Return what is equal where the same rows make the same pages."""
    row = Row("n", "v", "a", "s", "c", "p", 1, "d", "h", RPM, ("h",))
    text = f"{__version__}{record.name}{_page(record, 'n', [row])}{as_json([row])}"
    return digests.of_bytes(text.encode())


def paths(edition: Edition) -> set[str]:
    """Return the paths of all pages."""
    return {path for leaf in edition.leaves for path in (page_path(leaf), json_path(leaf))}


def page_path(leaf: Leaf) -> str:
    """Return where the page of a leaf is."""
    return layout.packages_page(name_of(leaf))


def json_path(leaf: Leaf) -> str:
    """Return where the JSON of a leaf is."""
    return layout.packages_json(name_of(leaf))


def name_of(leaf: Leaf) -> str:
    """Return the name that a leaf begins with."""
    return leaf.first.rstrip(" ")


def table(rows: Iterable[Row], root: str) -> str:
    """Return rows as a table; ``root`` leads from the page to the repository."""
    lines = "\n".join(
        f'<tr><th scope="row"><a href="{escape(root + row.href)}">{escape(row.name)}</a></th>'
        f"<td>{escape(row.version)}</td><td>{escape(row.architecture)}</td>"
        f"<td>{escape(row.seen)}</td><td>{escape(row.summary)}</td>"
        f'<td class="number">{human_size(row.size)}</td></tr>'
        for row in rows
    )
    return render("table.html.in", {"ROWS": lines}).rstrip("\n")


def as_json(rows: Iterable[Row], leaves: Sequence[Leaf] = ()) -> str:
    """Return rows as programs read them, and where the others are."""
    found: dict[str, object] = {"packages": [_as_object(row) for row in rows]}
    if leaves:
        found["pages"] = [{"first": name_of(leaf), "path": json_path(leaf)} for leaf in leaves]
    return msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"


def _as_object(row: Row) -> dict[str, object]:
    places = {DEB: "suite", RPM: "tree"}
    place = {places[row.family]: row.place} if row.family in places else {}
    return {
        "name": row.name,
        "version": row.version,
        "architecture": row.architecture,
        "format": row.family,
        "channel": row.channel,
        **place,
        "size": row.size,
        "sha256": row.digest,
        "path": row.href,
    }


def _rows(listed: Iterable[Listed]) -> list[Row]:
    return [row for each in listed for row in each.rows]


def _page(record: Repository, first: str, rows: Iterable[Row]) -> str:
    values = {
        "STYLE": render("style.css", {}),
        "TITLE": escape(record.title),
        "FIRST": escape(first),
        "TABLE": table(rows, "../"),
    }
    return render("packages.html.in", values)
