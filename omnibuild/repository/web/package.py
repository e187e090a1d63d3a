"""The page of one package: how it is installed, its versions, where each is, and what changed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from msgspec import Struct

from omnibuild.errors import PackageError
from omnibuild.package.deb.paragraph import parse_paragraph
from omnibuild.patterns import regex
from omnibuild.repository import layout
from omnibuild.repository.apt.suite import UDEB
from omnibuild.repository.clients.commands import UNKNOWN_URL, address, options_for
from omnibuild.repository.state.entries import Deb, Rpm
from omnibuild.repository.web.changes import changes_section
from omnibuild.repository.web.document import code, document, render, text
from omnibuild.repository.web.listing import DEB, RPM, TAR, Offer, Row, Yanked, compare
from omnibuild.repository.web.lists import newest_by_channel
from omnibuild.repository.web.site import Site
from omnibuild.repository.web.versions import parts_section, versions_section

# Of what every version was taken out.
WITHDRAWN = "All versions of this package were withdrawn."

_WEB = regex(r"https?://[^\s\"'<>]+")


class Known(Struct, frozen=True):
    """What there is to tell of a package.

    Args:
        offers: all that the channels hold of it.
        yanked: what they have no more, and why.
    """

    offers: Sequence[Offer]
    yanked: Sequence[Yanked] = ()

    def __bool__(self) -> bool:
        """Whether there is anything."""
        return bool(self.offers or self.yanked)


def package_page(site: Site, name: str, known: Known, read: Callable[[str], bytes]) -> str:
    """Return the page of a package; ``read`` reads a file of the repository."""
    rows = [offer.row for offer in known.offers]
    version, summary, description, facts, parts = "", WITHDRAWN, "", "", ""
    if rows:
        main = newest_by_channel(site, rows)[0]
        version = main.version
        parts = parts_section(main, read(layout.manifest(main.manifest)) if main.manifest else b"")
        about = next(each for each in known.offers if each.row == main)
        summary, description, facts = _about(about)
    values = {
        "TITLE": text(site.record.title),
        "NAME": text(name),
        "VERSION": text(version),
        "SUMMARY": text(summary),
        "FACTS": facts,
        "INSTALL": _install(site, name, rows),
        "ABOUT": description,
        "VERSIONS": versions_section(site, rows, known.yanked),
        "PARTS": parts,
        "CHANGES": changes_section(known.offers),
    }
    return document(f"{name} · {site.record.title}", render("package.html.in", values))


def _about(offer: Offer) -> tuple[str, str, str]:
    """Return the summary; the description and the other facts as HTML."""
    item, summary = offer.item, offer.row.summary
    description = url = license_ = ""
    if isinstance(item, Deb):
        try:
            fields = parse_paragraph(item.stanza)
        except PackageError:
            fields = {}
        _, _, long = fields.get("Description", "").partition("\n")
        lines = [line[1:] if line.strip() != "." else "" for line in long.split("\n")]
        description, url = "\n".join(lines), fields.get("Homepage", "")
    elif isinstance(item, Rpm):
        # Loaded for rpms, as all that knows their format.
        from omnibuild.repository.yum.elements import said

        description = said(item.primary, "description")
        url, license_ = said(item.primary, "url"), said(item.primary, "rpm:license")
    paragraphs = [part for part in re.split(r"\n\s*\n", description) if part.strip()]
    body = "\n".join(f'<p dir="auto">{text(part.strip())}</p>' for part in paragraphs)
    if not paragraphs or description.strip() == summary:
        body = ""
    facts = [f"<span>{text(license_)}</span>"] if license_ else []
    if _WEB.fullmatch(url):
        facts.append(f'<a href="{text(url)}" rel="nofollow noreferrer">{text(url)}</a>')
    about = render("about.html.in", {"DESCRIPTION": body}) if body else ""
    return summary, about, f'<p class="facts">{" ".join(facts)}</p>' if facts else ""


def _install(site: Site, name: str, rows: Iterable[Row]) -> str:
    """Return how it is installed; empty where only its file can be fetched."""
    managed = [row for row in rows if _is_managed(row)]
    tarballs = [row for row in rows if row.family == TAR and row.architecture.startswith("linux-")]
    if not managed and not tarballs:
        return ""
    script = f"curl -fsSL {address(site.record)}/{layout.INSTALLER}"
    parts, notes = list[str](), list[str]()
    if managed:
        channel = min((row.channel for row in managed), key=site.order)
        options = options_for(site.record, site.followed(channel))
        parts.append(code(f"{script} | sudo sh -s --{options} {name}", "Install with one command"))
        for family, command in ((DEB, "apt-get"), (RPM, "dnf")):
            if any(row.family == family and row.channel == channel for row in managed):
                label = f"With {command}, where the repository is set up"
                parts.append(code(f"sudo {command} install {name}", label))
        notes += _elsewhere(site, channel, managed)
    if tarballs:
        channel = min((row.channel for row in tarballs), key=site.order)
        options = f"{options_for(site.record, site.followed(channel))} --user {name}"
        label = "Without root, below ~/.local" if managed else "Install below ~/.local"
        parts.append(code(f"{script} | sh -s --{options}", label))
    if not site.record.base_url:
        notes.append(f"<p>Write the repository's address for <code>{UNKNOWN_URL}</code>.</p>\n")
    return render("package-install.html.in", {"WAYS": "".join([*parts, *notes]).rstrip("\n")})


def _is_managed(row: Row) -> bool:
    return row.family in (DEB, RPM) and not row.href.endswith(UDEB)


def _elsewhere(site: Site, channel: str, rows: Sequence[Row]) -> Iterator[str]:
    """Yield what other channels have that is newer, or for other hosts."""
    found: dict[str, dict[str, list[str]]] = {}
    for family in (DEB, RPM):
        newest = newest_by_channel(site, (row for row in rows if row.family == family))
        here = next((row for row in newest if row.channel == channel), None)
        for row in newest:
            if row.channel != channel and (here is None or compare(here, row) < 0):
                versions = found.setdefault(row.channel, {})
                versions.setdefault(row.version, []).extend(site.hosts(row))
    for other, versions in found.items():
        said = ", ".join(f"{version} for {', '.join(hosts)}" for version, hosts in versions.items())
        yield (
            f"<p>The channel <code>{text(other)}</code> has {text(said)}: write"
            f" <code>--channel {text(other)}</code> before the package's name.</p>\n"
        )
