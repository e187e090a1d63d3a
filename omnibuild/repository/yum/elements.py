"""One rpm in yum's metadata: its elements in primary, filelists and other."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from msgspec import Struct

from omnibuild.digests import Digest
from omnibuild.patterns import regex
from omnibuild.repository.yum.escaping import escaped, quoted

if TYPE_CHECKING:
    # Advisories and pages take words of this, and no rpm is read for them.
    from omnibuild.package.rpm.notation import RpmRelation
    from omnibuild.package.rpm.reader import RpmChange, RpmFile, RpmInfo

# As many as the metadata of distributions holds.
MOST_CHANGES = 10
_CHANGE = regex(
    r"""<changelog author=(?P<author>"[^"]*"|'[^']*') date="(?P<date>[0-9]+)">(?P<text>[^<]*)<"""
)
# What XML 1.0 cannot say at all, not even escaped.
_IMPOSSIBLE = regex("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class SignedFile(Struct, frozen=True):
    """The rpm as it is served.

    Args:
        path: relative to the tree, as ``Packages/s/shop-1.4-1.x86_64.rpm``.
        digest: SHA-256 of the file.
    """

    path: str
    digest: Digest
    size: int


def primary_element(info: RpmInfo, file: SignedFile) -> str:
    """Return the package's element of primary.xml.

    The only date is the build's, so that equal packages have equal elements.
    """
    return (
        '<package type="rpm">\n'
        f"  <name>{_text(info.name)}</name>\n"
        f"  <arch>{_text(info.architecture)}</arch>\n"
        f"  {_version(info)}\n"
        f'  <checksum type="sha256" pkgid="YES">{file.digest}</checksum>\n'
        f"  <summary>{_text(info.summary)}</summary>\n"
        f"  <description>{_text(info.description)}</description>\n"
        f"  <packager>{_text(info.packager)}</packager>\n"
        f"  <url>{_text(info.url)}</url>\n"
        f'  <time file="{info.build_time}" build="{info.build_time}"/>\n'
        f'  <size package="{file.size}" installed="{info.installed_size}"'
        f' archive="{info.archive_size}"/>\n'
        f"  <location href={_attribute(file.path)}/>\n"
        "  <format>\n"
        f"    <rpm:license>{_text(info.license)}</rpm:license>\n"
        f"    <rpm:vendor>{_text(info.vendor)}</rpm:vendor>\n"
        f"    <rpm:group>{_text(info.group or 'Unspecified')}</rpm:group>\n"
        f"    <rpm:buildhost>{_text(info.build_host)}</rpm:buildhost>\n"
        f"    <rpm:sourcerpm>{_text(info.source_rpm)}</rpm:sourcerpm>\n"
        f'    <rpm:header-range start="{info.header_start}" end="{info.header_end}"/>\n'
        f"{_relations('provides', info.provides)}"
        f"{_requires(info.requires)}"
        f"{_relations('conflicts', info.conflicts)}"
        f"{_relations('obsoletes', info.obsoletes)}"
        f"{_relations('suggests', info.suggests)}"
        f"{_relations('enhances', info.enhances)}"
        f"{_relations('recommends', info.recommends)}"
        f"{_relations('supplements', info.supplements)}"
        f"{_files(file for file in info.files if _is_primary(file.path))}"
        "  </format>\n"
        "</package>\n"
    )


def filelists_element(info: RpmInfo, digest: Digest) -> str:
    """Return the package's element of filelists.xml; ``digest`` is that of the signed file."""
    return f"{_reference(info, digest)}{_files(info.files)}</package>\n"


def other_element(info: RpmInfo, digest: Digest) -> str:
    """Return the package's element of other.xml: the newest of its changes, the newest last."""
    changes = "".join(
        f'  <changelog author={_attribute(change.author)} date="{change.date}">'
        f"{_text(change.text)}</changelog>\n"
        for change in reversed(info.changes[:MOST_CHANGES])
    )
    return f"{_reference(info, digest)}{changes}</package>\n"


def changes_of(element: str) -> list[RpmChange]:
    """Return the changes that an element of other.xml says, the newest first."""
    from html import unescape

    from omnibuild.package.rpm.reader import RpmChange

    found = [
        RpmChange(int(match["date"]), unescape(match["author"][1:-1]), unescape(match["text"]))
        for match in _CHANGE.finditer(element)
    ]
    return found[::-1]


def said(element: str, tag: str) -> str:
    """Return the text of a simple element of primary.xml; empty if there is none."""
    from html import unescape  # for pages of rpms

    found = re.search(f"<{tag}>([^<]*)</{tag}>", element)
    return unescape(found[1]) if found else ""


def _reference(info: RpmInfo, digest: Digest) -> str:
    return (
        f'<package pkgid="{digest}" name={_attribute(info.name)}'
        f" arch={_attribute(info.architecture)}>\n  {_version(info)}\n"
    )


def _version(info: RpmInfo) -> str:
    return (
        f'<version epoch="{info.epoch}" ver={_attribute(info.version)}'
        f" rel={_attribute(info.release)}/>"
    )


def _requires(relations: Iterable[RpmRelation]) -> str:
    # rpm checks its own features itself; the metadata of every distribution leaves them out.
    wanted = [relation for relation in relations if not relation.is_feature]
    return _relations("requires", wanted)


def _relations(kind: str, relations: Iterable[RpmRelation]) -> str:
    rows = "".join(
        f"      <rpm:entry {_entry(relation, kind)}/>\n" for relation in dict.fromkeys(relations)
    )
    return f"    <rpm:{kind}>\n{rows}    </rpm:{kind}>\n" if rows else ""


def _entry(relation: RpmRelation, kind: str) -> str:
    attributes = [f"name={_attribute(relation.name)}"]
    if relation.comparison and relation.version:
        epoch, version, release = split_version(relation.version)
        attributes += [f'flags="{relation.comparison}"', f"epoch={_attribute(epoch)}"]
        attributes += [f"ver={_attribute(version)}"]
        attributes += [f"rel={_attribute(release)}"] if release else []
    if kind == "requires" and relation.is_prerequisite:
        attributes.append('pre="1"')
    return " ".join(attributes)


def split_version(text: str) -> tuple[str, str, str]:
    """Split ``[epoch:]version[-release]``.

    >>> split_version("1:2.0-3.el9")
    ('1', '2.0', '3.el9')
    >>> split_version("2.0")
    ('0', '2.0', '')
    """
    epoch, colon, rest = text.partition(":")
    if not colon:
        epoch, rest = "0", text
    version, _, release = rest.partition("-")
    return epoch, version, release


def _files(files: Iterable[RpmFile]) -> str:
    return "".join(
        f"  <file>{_text(file.path)}</file>\n"
        if file.type == "file"
        else f'  <file type="{file.type}">{_text(file.path)}</file>\n'
        for file in files
    )


def _is_primary(path: str) -> bool:
    """Tell whether others may depend on the path without reading the full file lists."""
    return path.startswith("/etc/") or "bin/" in path or path == "/usr/lib/sendmail"


def _text(text: str) -> str:
    return escaped(_IMPOSSIBLE.sub("�", text))


def _attribute(text: str) -> str:
    return quoted(_IMPOSSIBLE.sub("�", text))
