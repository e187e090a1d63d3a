"""The control paragraph of a .deb, as it is written."""

from __future__ import annotations

from collections.abc import Iterable

from omnibuild.package.deb.paragraph import render_paragraph
from omnibuild.package.identity import ITEMS, folded
from omnibuild.package.members import name_bytes
from omnibuild.package.relations import parse_relation, parse_single_relation
from omnibuild.payload.model import Metadata, Relations
from omnibuild.tree import Entry, Kind


def binary_control(
    metadata: Metadata,
    *,
    version: str,
    architecture: str,
    installed_size: int,
    derived: tuple[str, ...] = (),
    build_ids: tuple[str, ...] = (),
) -> str:
    """Return the control file of a binary package.

    ``derived`` is what it depends on besides; ``build_ids`` are of the programs whose debug symbols
    it has.
    """
    fields = {
        "Package": metadata.name,
        "Version": version,
        "Architecture": architecture,
        "Maintainer": metadata.maintainer,
        "Installed-Size": str(installed_size),
        **relation_fields(metadata.deb_relations, derived),
        "Section": metadata.section,
        "Priority": metadata.priority,
        "Homepage": metadata.homepage,
        "Description": _description(metadata.summary, metadata.description),
        "Auto-Built-Package": "debug-symbols" if build_ids else "",
        "Build-Ids": " ".join(build_ids),
    }
    return render_paragraph({name: value for name, value in fields.items() if value})


def installed_size(members: Iterable[Entry]) -> int:
    """Return the size in KiB as ``dpkg-gencontrol`` counts it.

    Files and symlinks count by their content, rounded up; hard links once; everything else,
    also the package's own root directory, counts 1.
    """
    total = 1
    for member in members:
        if member.kind is Kind.FILE:
            total += -(-member.size // 1024)
        elif member.kind is Kind.SYMLINK:
            total += -(-len(name_bytes(member.target)) // 1024)
        elif member.kind is Kind.DIRECTORY:
            total += 1
    return total


def relation_fields(relations: Relations, derived: tuple[str, ...] = ()) -> dict[str, str]:
    """Return relations as fields, empty ones too; raises :class:`PackageError`."""
    return {
        "Pre-Depends": _with_alternatives(relations.pre_depends),
        "Depends": _with_alternatives(derived + relations.depends),
        "Recommends": _with_alternatives(relations.recommends),
        "Suggests": _with_alternatives(relations.suggests),
        "Enhances": _with_alternatives(relations.enhances),
        "Conflicts": _without_alternatives("Conflicts", relations.conflicts),
        "Breaks": _without_alternatives("Breaks", relations.breaks),
        "Replaces": _without_alternatives("Replaces", relations.replaces),
        "Provides": _without_alternatives("Provides", relations.provides),
    }


def _with_alternatives(relations: Iterable[str]) -> str:
    return ", ".join(" | ".join(map(str, parse_relation(text))) for text in relations)


def _without_alternatives(field: str, relations: Iterable[str]) -> str:
    return ", ".join(str(parse_single_relation(text, field)) for text in relations)


def _description(summary: str, description: str) -> str:
    """Say a text as Debian's policy wants it: a dot for blank lines, everything else indented."""
    lines = [summary.strip()]
    for text in folded(description):
        # " .something" is reserved for future use; one more blank makes the line verbatim, and so
        # do items of lists stay on lines of their own.
        indent = "  " if text.startswith((".", *ITEMS)) else " "
        lines.append(f"{indent}{text}" if text else " .")
    return "\n".join(lines)
