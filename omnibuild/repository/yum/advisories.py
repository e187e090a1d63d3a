"""Advisories as somebody gives them: records of OSV, which tell what a release mends."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from omnibuild.errors import UsageError, Where
from omnibuild.package.reading import reading
from omnibuild.regular import open_regular
from omnibuild.repository.state.damage import UNREADABLE
from omnibuild.repository.state.entries import Advisory, Reference

LARGEST: Final = 16 << 20
MOST_RECORDS: Final = 1000

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._:+-]*$"
_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}")
# What XML cannot say, and what has no place in a text.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
# As dnf calls what the databases call so.
_SEVERITIES: Final = {
    "critical": "Critical",
    "high": "Important",
    "important": "Important",
    "moderate": "Moderate",
    "medium": "Moderate",
    "low": "Low",
}

_Name = Annotated[str, Meta(pattern=_NAME, max_length=100)]
_Address = Annotated[str, Meta(pattern=r"^https?://[^\s\"<>]+$", max_length=2000)]


class _Reference(Struct):
    url: _Address


class _Record(Struct):
    """A record of OSV, as far as hosts are told of it."""

    id: _Name
    modified: datetime
    published: datetime | None = None
    withdrawn: datetime | None = None
    summary: Annotated[str, Meta(max_length=1000)] = ""
    details: Annotated[str, Meta(max_length=100_000)] = ""
    aliases: Annotated[list[_Name], Meta(max_length=100)] = []
    references: Annotated[list[_Reference], Meta(max_length=100)] = []
    database_specific: dict[str, Any] = {}


def read_advisories(path: Path) -> list[Advisory]:
    """Read a record of OSV, a list of them, or an answer of its service (``{"vulns": [...]}``).

    Raises :class:`UsageError` for anything else.
    """
    with reading(path), open_regular(path) as stream:
        data = stream.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise _error(path, f"it has more than {LARGEST >> 20} MiB")
    try:
        document = msgspec.json.decode(data)
        if isinstance(document, dict):
            document = document.get("vulns", [document])
        records = msgspec.convert(document, list[_Record])
    except UNREADABLE as error:
        raise _error(path, str(error)) from error
    if not 0 < len(records) <= MOST_RECORDS:
        raise _error(path, f"it has {len(records)} records, of 1 to {MOST_RECORDS}")
    for record in records:
        if record.withdrawn:
            raise _error(path, f"{record.id} was withdrawn: there is nothing to mend")
    twice = {each.id for each in records if [other.id for other in records].count(each.id) > 1}
    if twice:
        raise _error(path, f"{min(twice)} is there twice")
    return [_advisory(record) for record in records]


def _advisory(record: _Record) -> Advisory:
    severity = str(record.database_specific.get("severity", "")).lower()
    updated = int(record.modified.timestamp())
    return Advisory(
        name=record.id,
        title=" ".join(_plain(record.summary).split()) or record.id,
        severity=_SEVERITIES.get(severity, ""),
        description=_plain(record.details or record.summary),
        issued=int(record.published.timestamp()) if record.published else updated,
        updated=updated,
        references=tuple(_references(record)),
    )


def _references(record: _Record) -> Iterator[Reference]:
    """Yield what ``dnf --cve`` looks for, then where more is said."""
    for name in dict.fromkeys((record.id, *record.aliases)):
        if _CVE.fullmatch(name):
            yield Reference("cve", name, f"https://www.cve.org/CVERecord?id={name}")
    for each in record.references:
        yield Reference("other", each.url, each.url)


def _plain(text: str) -> str:
    return _CONTROL.sub(" ", text.replace("\r\n", "\n"))


def _error(path: Path, why: str) -> UsageError:
    return UsageError(
        f"{path.name} tells of no advisories",
        where=Where(str(path)),
        why=why,
        hint="give a record of OSV (https://ossf.github.io/osv-schema/), or a list of them",
    )
