"""The versions of one package: what can be fetched, what was yanked, what a version is made of."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cmp_to_key

from omnibuild.events import human_size
from omnibuild.package.versions import compare_debs
from omnibuild.provenance.described import Component, described
from omnibuild.repository import layout
from omnibuild.repository.web.document import render, text
from omnibuild.repository.web.listing import Row, Yanked
from omnibuild.repository.web.site import Site

# Files of older versions are folded away.
FILES_IN_SIGHT = 12
# Of each kind; the manifest itself has all.
MOST_PARTS = 300


def versions_section(site: Site, rows: Iterable[Row], yanked: Iterable[Yanked]) -> str:
    """Return all files, the newest version first; those that were yanked are only told of."""
    lines = sorted(
        [*_files(site, rows), *_yanks(site, yanked)],
        key=lambda each: cmp_to_key(compare_debs)(each[0]),
        reverse=True,
    )
    shown, folded = lines[:FILES_IN_SIGHT], lines[FILES_IN_SIGHT:]
    older = {"COUNT": str(len(folded)), "TABLE": _table(folded, "older")}
    values = {
        "TABLE": _table(shown, "versions"),
        "OLDER": render("older.html.in", older) if folded else "",
    }
    return render("versions.html.in", values)


def _table(lines: Iterable[tuple[str, str]], label: str) -> str:
    rows = "\n".join(line for _, line in lines)
    return render("table.html.in", {"LABEL": label, "ROWS": rows}).rstrip("\n")


def _files(site: Site, rows: Iterable[Row]) -> Iterator[tuple[str, str]]:
    """Yield versions, and the line of each of their files."""
    files: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        # A file for several kinds of hosts, or in several channels, is one.
        files.setdefault((row.family, row.digest or row.href), []).append(row)
    for same in files.values():
        yield same[0].version, _file(site, same)


def _yanks(site: Site, yanked: Iterable[Yanked]) -> Iterator[tuple[str, str]]:
    """Yield versions, and why there is nothing to fetch of each."""
    found: dict[tuple[str, str, str], list[Yanked]] = {}
    for each in yanked:
        day = time.strftime("%Y-%m-%d", time.gmtime(each.yank.time))
        # What formats and hosts add to a version does not make it another one.
        upstream = each.yank.version.rpartition("-")[0] or each.yank.version
        found.setdefault((upstream, each.yank.reason, day), []).append(each)
    for (_, reason, day), same in found.items():
        versions = list(dict.fromkeys(each.yank.version or each.yank.title for each in same))
        versions.sort(key=cmp_to_key(compare_debs), reverse=True)
        struck = ", ".join(f"<s>{text(version)}</s>" for version in versions)
        yield (
            versions[0],
            f'<tr class="yanked"><th scope="row">{struck}</th>'
            f"<td>{_tags(site, {each.channel for each in same})}</td>"
            f'<td colspan="2"><strong>Withdrawn</strong> <time datetime="{day}">{day}</time>:'
            f" <bdi>{text(reason)}</bdi></td></tr>",
        )


def _tags(site: Site, channels: Iterable[str]) -> str:
    names = sorted(channels, key=site.order)
    return " ".join(f'<span class="channel">{text(name)}</span>' for name in names)


def _file(site: Site, same: Sequence[Row]) -> str:
    row = same[0]
    hosts = ", ".join(dict.fromkeys(host for each in same for host in site.hosts(each)))
    tags = _tags(site, {each.channel for each in same})
    file = row.href.rpartition("/")[2]
    links = []
    if row.href.startswith(f"{layout.DOWNLOADS}/"):
        links.append(("signature", f"{row.href}{layout.SIGNATURE}"))
    if row.manifest:
        links.append(("manifest", layout.manifest(row.manifest)))
    more = "".join(
        f' <a href="../{text(href)}" aria-label="{kind.title()} of {text(file)}">{kind}</a>'
        for kind, href in links
    )
    return (
        f'<tr><th scope="row">{text(row.version)}</th><td>{tags}</td><td>{text(hosts)}</td>'
        f'<td><a href="../{text(row.href)}">{text(file)}</a>'
        f' <span class="meta">{human_size(row.size)}{more}</span></td></tr>'
    )


def parts_section(row: Row, manifest: bytes) -> str:
    """Return what a file is made of; empty where nothing tells it.

    Args:
        row: the file.
        manifest: its manifest: foreign input.
    """
    found = described(manifest) if manifest else None
    if found is None:
        return ""
    kinds = (
        ("Components", found.components),
        ("Python packages", found.python),
        ("npm packages", found.npm),
    )
    values = {
        "VERSION": text(row.version),
        "MANIFEST": text(layout.manifest(row.manifest)),
        "KINDS": "\n".join(_kind(title, parts) for title, parts in kinds if parts),
    }
    return render("parts.html.in", values)


def _kind(title: str, parts: Sequence[Component]) -> str:
    ordered = sorted(parts, key=lambda each: each.name.lower())
    more = f"<p>And {len(ordered) - MOST_PARTS:,} more.</p>" if len(ordered) > MOST_PARTS else ""
    items = "\n".join(map(_item, ordered[:MOST_PARTS]))
    values = {"TITLE": title, "COUNT": f"{len(parts):,}", "PARTS": items, "MORE": more}
    return render("kind.html.in", values).rstrip("\n")


def _item(part: Component) -> str:
    licence = f' <span class="meta">{text(part.license)}</span>' if part.license else ""
    return f"<li>{text(part.name)} <span>{text(part.version)}</span>{licence}</li>"
