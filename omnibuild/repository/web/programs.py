"""What the lists say to programs: the newest of each package, where it is, and whose it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from omnibuild.repository import layout
from omnibuild.repository.state.ledger import Leaf
from omnibuild.repository.web.listing import DEB, RPM, Row
from omnibuild.repository.web.site import Site


def overview(
    site: Site, channels: Iterable[str], rows: Sequence[Row] | None, leaves: Sequence[Leaf]
) -> str:
    """Return what programs start from.

    Args:
        site: the repository.
        channels: all there are.
        rows: the newest of all packages, where they are few.
        leaves: where they are, if they are not.
    """
    record = site.record
    found: dict[str, object] = {
        "repository": {
            "name": record.name,
            "title": record.title,
            "url": record.base_url,
            "fingerprint": record.fingerprint,
            "key": layout.key_path(record.name, "asc"),
        },
        "channels": sorted(channels, key=site.order),
        "packages": [_as_object(site, row) for row in rows or ()],
    }
    if rows is None:
        found["pages"] = [
            {"first": name_of(leaf), "path": layout.list_json(name_of(leaf))} for leaf in leaves
        ]
    return _json(found)


def listed(site: Site, rows: Iterable[Row]) -> str:
    """Return the rows of one list."""
    return _json({"packages": [_as_object(site, row) for row in rows]})


def name_of(leaf: Leaf) -> str:
    """Return the name that a leaf begins with."""
    return leaf.first.rstrip(" ")


def _as_object(site: Site, row: Row) -> dict[str, object]:
    places = {DEB: "suite", RPM: "tree"}
    managed = row.family in places
    place = {places[row.family]: row.place} if managed else {}
    systems = {"systems": [system.name for system in site.systems(row)]} if managed else {}
    return {
        "name": row.name,
        "version": row.version,
        "architecture": row.architecture,
        "format": row.family,
        "channel": row.channel,
        **place,
        **systems,
        "size": row.size,
        "sha256": row.digest,
        "path": row.href,
        **({"manifest": layout.manifest(row.manifest)} if row.manifest else {}),
    }


def _json(found: dict[str, object]) -> str:
    return msgspec.json.format(msgspec.json.encode(found), indent=1).decode() + "\n"
