"""Text in XML, as xml.sax.saxutils writes it; importing that takes longer than all of metadata."""

from __future__ import annotations

_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SPACE = str.maketrans({"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def escaped(text: str) -> str:
    """Return text as the content of an element."""
    return text.translate(_TEXT)


def quoted(text: str) -> str:
    """Return text as the value of an attribute, with its quotes."""
    value = escaped(text).translate(_SPACE)
    if '"' not in value:
        return f'"{value}"'
    if "'" not in value:
        return f"'{value}'"
    return '"' + value.replace('"', "&quot;") + '"'
