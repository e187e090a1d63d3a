"""updateinfo.xml: what packages of a tree mend, as ``dnf upgrade --security`` wants to know."""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Iterable, Iterator, Sequence

from omnibuild.repository.state.entries import Advisory, Reference, Rpm, key_of
from omnibuild.repository.state.ledger import Ledger
from omnibuild.repository.yum.elements import split_version
from omnibuild.repository.yum.escaping import escaped, quoted

UPDATEINFO = "updateinfo"
_DATE = "%Y-%m-%d %H:%M:%S"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n'


def updateinfo(advisories: Iterable[Advisory], ledgers: Sequence[Ledger[Rpm]], title: str) -> str:
    """Return the document for what some lists hold; empty when no advisory is of it."""
    elements = []
    for advisory in advisories:
        held = (ledger.get(key) for key in advisory.packages for ledger in ledgers)
        rpms = [rpm for rpm in held if rpm]
        if rpms:
            elements.append("".join(_element(advisory, rpms, title)))
    return f"{_DECLARATION}<updates>\n{''.join(elements)}</updates>\n" if elements else ""


def advisories_in(document: str) -> Iterator[Advisory]:
    """Yield what a document says that :func:`updateinfo` made; nothing of what is none."""
    # Only a repair reads it, and only what the repository's keys signed.
    from xml.etree import ElementTree

    try:
        updates = list(ElementTree.fromstring(document).iter("update"))  # noqa: S314
    except ElementTree.ParseError:
        return
    for each in updates:
        references = [
            [one.get(name, "") for name in ("type", "id", "href")] for one in each.iter("reference")
        ]
        files = [
            (one.get("name", ""), one.findtext("filename", "")) for one in each.iter("package")
        ]
        dates = {one.tag: _seconds(one.get("date", "")) for one in each}
        yield Advisory(
            name=each.findtext("id", ""),
            title=each.findtext("title", ""),
            severity=each.findtext("severity", ""),
            description=each.findtext("description", ""),
            issued=dates.get("issued", 0),
            updated=dates.get("updated", 0),
            references=tuple(Reference(*one) for one in references),
            packages=tuple(key_of(f"Packages/{n[:1].lower()}/{file}", n) for n, file in files),
        )


def _element(advisory: Advisory, rpms: Iterable[Rpm], title: str) -> Iterator[str]:
    yield f'<update from={quoted(title)} status="final" type="security" version="1">\n'
    yield f"  <id>{escaped(advisory.name)}</id>\n"
    yield f"  <title>{escaped(advisory.title)}</title>\n"
    yield f"  <severity>{escaped(advisory.severity)}</severity>\n" if advisory.severity else ""
    yield f'  <issued date="{_date(advisory.issued)}"/>\n'
    yield f'  <updated date="{_date(advisory.updated)}"/>\n'
    yield "  <references>\n"
    for each in advisory.references:
        name = quoted(each.name)
        yield f"    <reference href={quoted(each.address)} id={name} title={name}"
        yield f" type={quoted(each.kind)}/>\n"
    yield "  </references>\n"
    yield f"  <description>{escaped(advisory.description)}</description>\n"
    yield f'  <pkglist>\n    <collection short="packages">\n      <name>{escaped(title)}</name>\n'
    yield from map(_package, rpms)
    yield "    </collection>\n  </pkglist>\n</update>\n"


def _package(rpm: Rpm) -> str:
    epoch, version, release = split_version(rpm.version)
    return (
        f"      <package name={quoted(rpm.name)} epoch={quoted(epoch)} version={quoted(version)}"
        f" release={quoted(release)} arch={quoted(rpm.architecture)}>\n"
        f"        <filename>{escaped(rpm.path.rpartition('/')[2])}</filename>\n"
        "      </package>\n"
    )


def _date(seconds: int) -> str:
    return time.strftime(_DATE, time.gmtime(seconds))


def _seconds(date: str) -> int:
    try:
        return timegm(time.strptime(date, _DATE))
    except ValueError:
        # It is another program's.
        return 0
