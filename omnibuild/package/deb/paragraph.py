"""Debian's paragraphs of fields, written and read."""

from __future__ import annotations

from collections.abc import Mapping

from omnibuild.errors import PackageError
from omnibuild.patterns import regex

_FIELD = regex(r"(?P<name>[!-9;-~]+):[ \t]*(?P<value>.*)")


def render_paragraph(fields: Mapping[str, str]) -> str:
    """Return a paragraph; values carry their continuation lines as :func:`parse_paragraph` reads.

    Raises :class:`PackageError` for a value that would end the paragraph or begin a field.
    """
    lines = []
    for name, value in fields.items():
        _, *continuation = value.split("\n")
        if any(not line.startswith((" ", "\t")) or not line.strip() for line in continuation):
            raise PackageError(f"the value of {name} would break the control file", why=repr(value))
        lines.append(f"{name}: {value}\n" if value else f"{name}:\n")
    return "".join(lines)


def parse_paragraph(text: str) -> dict[str, str]:
    """Parse one paragraph into its fields in their order.

    Continuation lines stay in the value with their leading blank, so that
    :func:`render_paragraph` gives the same text. Raises :class:`PackageError`.
    """
    fields: dict[str, str] = {}
    last = ""
    for number, line in enumerate(text.rstrip("\n").split("\n"), start=1):
        if line.startswith((" ", "\t")) and last and line.strip():
            fields[last] += f"\n{line}"
            continue
        match = _FIELD.fullmatch(line)
        if match is None or match["name"] in fields:
            raise PackageError(f"the control file is malformed in line {number}", why=repr(line))
        last = match["name"]
        fields[last] = match["value"]
    return fields
