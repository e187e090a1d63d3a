"""Manual pages: the recipe's own, and one for each command that has none.

In the macros of ``man(7)``, which every reader of manual pages knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from omnibuild.patterns import regex
from omnibuild.payload.model import Metadata

NAME: Final = regex(r"(?P<page>[A-Za-z0-9_][A-Za-z0-9_.+:-]*)\.(?P<section>[1-8])")
DIRECTORY: Final = "/usr/share/man"


def path_of(name: str) -> str:
    """Return where a page goes, compressed, by its name with its section, as ``shop.1``."""
    section = name.rpartition(".")[2]
    return f"{DIRECTORY}/man{section}/{name}.gz"


def pages(
    metadata: Metadata,
    commands: Iterable[str],
    config_files: Iterable[str],
    environment: Mapping[str, str],
    own: Mapping[str, bytes],
) -> Iterator[tuple[str, bytes]]:
    """Yield the manual pages of an app, by their names.

    Args:
        metadata: what it says of itself.
        commands: those in ``/usr/bin``.
        config_files: what operators edit.
        environment: variables that change what it does, to what each is.
        own: pages that the recipe brings.
    """
    yield from own.items()
    for command in commands:
        if f"{command}.1" not in own:
            text = page(metadata, command, config_files, environment)
            yield f"{command}.1", text.encode()


def page(
    metadata: Metadata,
    command: str,
    config_files: Iterable[str],
    environment: Mapping[str, str],
) -> str:
    """Return the page of a command of which nothing is known but the app that it is of."""
    day = datetime.fromtimestamp(metadata.date, UTC).date()
    summary = metadata.summary
    if command != metadata.name:
        summary = f"a command of {metadata.name}: {metadata.summary}"
    lines = [
        f'.TH "{_escaped(command.upper())}" 1 "{day}" "{_escaped(metadata.name)}'
        f' {_escaped(metadata.version)}" "User Commands"',
        ".SH NAME",
        f"{_escaped(command)} \\- {_escaped(summary)}",
        ".SH SYNOPSIS",
        f".B {_escaped(command)}",
        r"[\fIARGUMENT\fR]...",
        ".SH DESCRIPTION",
        *_paragraphs(metadata.description or f"{metadata.summary.rstrip('.')}."),
    ]
    for title, items in (("FILES", dict.fromkeys(config_files, "")), ("ENVIRONMENT", environment)):
        if items:
            lines.append(f".SH {title}")
        for name, text in items.items():
            lines += [
                ".TP",
                f".I {_escaped(name)}",
                _line(text) if text else "Edited by operators.",
            ]
    if metadata.homepage:
        lines += [".SH SEE ALSO", f".UR {_escaped(metadata.homepage)}", ".UE"]
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    for number, paragraph in enumerate(re.split(r"\n[ \t]*\n", text.strip("\n"))):
        if number:
            yield ".PP"
        verbatim = any(line[:1].isspace() for line in paragraph.split("\n"))
        lines = [_line(line) for line in paragraph.split("\n")]
        yield from (".nf", *lines, ".fi") if verbatim else lines


def _line(text: str) -> str:
    """Return a line of text, which is no request whatever it begins with."""
    escaped = _escaped(text)
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


def _escaped(text: str) -> str:
    # A hyphen that is one in what people type, and quotes that end no argument.
    return text.replace("\\", r"\e").replace("-", r"\-").replace('"', r"\(dq")
