"""The lists of packages that people and programs read: one of each for every leaf of the catalogue.

A list is called after the first name on it, and changes only when something on it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from msgspec import Struct

from omnibuild.events import human_size
from omnibuild.repository import layout
from omnibuild.repository.state.ledger import Leaf
from omnibuild.repository.targets.target import Target
from omnibuild.repository.web.catalogue import Catalogue, Edition, Listed
from omnibuild.repository.web.document import document, render, text
from omnibuild.repository.web.listing import DEB, RPM, TAR, Row, compare
from omnibuild.repository.web.programs import listed, name_of
from omnibuild.repository.web.site import Site

# So many packages are on the front page itself.
NAMES_OF_FRONT = 200
FAMILIES = (DEB, RPM, TAR)


class Front(Struct, frozen=True):
    """The packages that are on the front page, by their names, and all their rows."""

    entries: Sequence[Listed]

    @property
    def rows(self) -> list[Row]:
        """The rows of all."""
        return rows_of(self.entries)


def front_of(target: Target, edition: Edition) -> Front | None:
    """Return all packages where they are few enough for the front page."""
    ledger = Catalogue.of(target, edition).ledger
    return None if ledger.count > NAMES_OF_FRONT else Front(list(ledger))


def lists(
    target: Target, site: Site, edition: Edition, known: Iterable[Leaf] = ()
) -> Iterator[tuple[str, str]]:
    """Yield lists by their paths; without those of known leaves."""
    ledger = Catalogue.of(target, edition).ledger
    unchanged = set(known)
    for number, leaf in enumerate(edition.leaves):
        if leaf not in unchanged:
            found = ledger.entries(number)
            yield layout.list_page(name_of(leaf)), list_page(site, name_of(leaf), found)
            yield layout.list_json(name_of(leaf)), listed(site, rows_of(found))


def list_paths(edition: Edition) -> set[str]:
    """Return the paths of all lists."""
    names = [name_of(leaf) for leaf in edition.leaves]
    return {path for name in names for path in (layout.list_page(name), layout.list_json(name))}


def list_page(site: Site, first: str, found: Iterable[Listed]) -> str:
    """Return the list that begins with a name."""
    values = {
        "TITLE": text(site.record.title),
        "FIRST": text(first),
        "ENTRIES": entries(site, found, "../"),
    }
    title = f"Packages from {first} · {site.record.title}"
    return document(title, render("list.html.in", values))


def rows_of(found: Iterable[Listed]) -> list[Row]:
    """Return the rows of packages."""
    return [row for each in found for row in each.rows]


def entries(site: Site, found: Iterable[Listed], root: str) -> str:
    """Return packages as a list; ``root`` leads from the page to the repository."""
    lines = "\n".join(_entry(site, each, root) for each in found)
    return f'<ul class="packages">\n{lines}\n</ul>'


def _entry(site: Site, each: Listed, root: str) -> str:
    newest = newest_by_channel(site, each.rows)
    main, *others = newest
    different = [row for row in others if row.version != main.version]
    told = main.channel != site.first
    versions = [_version(main, told=told), *(_version(row, told=True) for row in different)]
    hosts = dict.fromkeys(host for row in each.rows for host in site.hosts(row))
    href = f"{root}{layout.package_page(each.name)}"
    return (
        f'<li><p class="name"><a href="{text(href)}">{text(each.name)}</a></p>'
        f'<p class="versions">{" ".join(versions)}</p>'
        f'<p class="summary" dir="auto">{text(main.summary)}</p>'
        f'<p class="meta">{text(", ".join(hosts))} <span>{human_size(main.size)}</span></p></li>'
    )


def newest_by_channel(site: Site, rows: Iterable[Row]) -> list[Row]:
    """Return the newest of one package in each channel, of the family that most hosts have."""
    found: dict[str, Row] = {}
    order = {family: place for place, family in enumerate(FAMILIES)}
    for row in rows:
        known = found.get(row.channel)
        if known is None or known.family == row.family:
            better = known is None or compare(known, row) < 0
        else:
            better = order.get(row.family, len(order)) < order.get(known.family, len(order))
        if better:
            found[row.channel] = row
    return [found[channel] for channel in sorted(found, key=site.order)]


def _version(row: Row, *, told: bool) -> str:
    channel = f' <span class="channel">{text(row.channel)}</span>' if told else ""
    return f'<span class="version">{text(row.version)}{channel}</span>'
