"""What a package may say about itself: checked once for all formats, before a byte is written."""

from __future__ import annotations

from textwrap import wrap
from typing import Final

from omnibuild.errors import PackageError
from omnibuild.patterns import regex
from omnibuild.payload.model import Metadata
from omnibuild.recipe.models.package import LAST_EPOCH

# The intersection of what dpkg, rpm and file names allow; a hyphen would split a version.
PATTERNS: Final = {
    "name": regex(r"[a-z0-9][a-z0-9+.-]+"),
    "version": regex(r"[0-9][A-Za-z0-9.+~]*"),
    "revision": regex(r"[A-Za-z0-9.+~]+"),
    "architecture": regex(r"[a-z0-9_-]+"),
}
REQUIRED = ("summary", "license", "maintainer")
ONE_LINE = (*REQUIRED, "homepage", "vendor", "section", "priority", "group")

# Four bytes of rpm's header and of cpio hold a time; so dates end in the year 2106.
LAST_DATE = 2**32 - 1

# Debian's policy: less than 80 columns, of which one or two are the indentation.
WIDTH = 77
ITEMS: Final = ("* ", "- ", "+ ")

CONTROL_CHARACTER: Final = regex(r"[\x00-\x1f\x7f]")
CONTROL_CHARACTER_IN_TEXT: Final = regex(r"[\x00-\x08\x0b-\x1f\x7f]")


def check_identity(metadata: Metadata, *, revision: str, architecture: str) -> None:
    """Refuse what would break a control file, a header or a file name.

    Args:
        metadata: what the package says about itself.
        revision: the revision as the format says it, with a platform's suffix.
        architecture: the architecture as the format calls it.
    """
    identity = {
        "name": metadata.name,
        "version": metadata.version,
        "revision": revision,
        "architecture": architecture,
    }
    for what, value in identity.items():
        if not PATTERNS[what].fullmatch(value):
            raise PackageError(
                f"{value!r} cannot be the {what} of a package",
                hint=f"it must match {PATTERNS[what].pattern}",
            )
    if not 0 <= metadata.epoch <= LAST_EPOCH:
        raise PackageError(f"the epoch of {metadata.name} is out of range: {metadata.epoch}")
    for what in ONE_LINE:
        _check_line(metadata.name, what, getattr(metadata, what), required=what in REQUIRED)
    if CONTROL_CHARACTER_IN_TEXT.search(metadata.description.replace("\r\n", "\n")):
        raise PackageError(f"the description of {metadata.name} holds a control character")
    if not is_utf8(metadata.description):
        raise PackageError(f"the description of {metadata.name} is not UTF-8")
    if not 0 <= metadata.date <= LAST_DATE:
        raise PackageError(f"the date of {metadata.name} is out of range: {metadata.date}")


def _check_line(name: str, what: str, value: str, *, required: bool) -> None:
    if CONTROL_CHARACTER.search(value):
        raise PackageError(
            f"the {what} of {name} holds a line break or another control character",
            why=repr(value),
        )
    if required and not value.strip():
        raise PackageError(f"the {what} of {name} is empty")
    if not is_utf8(value):
        raise PackageError(f"the {what} of {name} is not UTF-8", why=repr(value))


def folded(description: str) -> list[str]:
    """Return a text's lines, none wider than 77 columns; indented lines stay as they are.

    Lines of a paragraph are joined and broken anew; items of lists begin lines of their own.
    """
    lines: list[str] = []
    paragraph: list[str] = []

    def end() -> None:
        if paragraph:
            hanging = "  " if paragraph[0].startswith(ITEMS) else ""
            text = " ".join(paragraph)
            lines.extend(
                wrap(
                    text,
                    WIDTH,
                    subsequent_indent=hanging,
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
            paragraph.clear()

    for line in map(str.rstrip, description.strip("\n").split("\n")):
        if not line or line[0].isspace() or line.startswith(ITEMS):
            end()
        if not line or line[0].isspace():
            lines.append(line)
        else:
            paragraph.append(line)
    end()
    return lines if any(lines) else []


def is_utf8(text: str) -> bool:
    """Tell whether ``text`` can be written as UTF-8: it holds no undecodable byte of a name."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
