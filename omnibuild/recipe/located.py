"""TOML files whose mistakes are told with their line, column and text."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from omnibuild.errors import DefinitionError, Problem, Where
from omnibuild.events import human_size
from omnibuild.patterns import regex
from omnibuild.recipe import positions
from omnibuild.recipe.positions import Positions, Span

EXCERPT_WIDTH = 90

# Real definitions have a few kB; what is far beyond is refused before it takes long to read.
LARGEST = 1 << 19
_MOST_FAULTS = 100
# tomllib takes a time that grows with the square of the depth of dotted keys.
_DEPTH = 32
_PART = r"""(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+"""
_DEEP_KEY = regex(rf"(?:^|[\[{{,])[ \t]*+(?:{_PART}\.[ \t]*+){{{_DEPTH}}}", re.MULTILINE)

_TOML_PLACE = regex(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


class Fault(Struct, frozen=True):
    """A mistake in the data of a document, before it has a line and a column.

    Args:
        path: keys and array indexes that lead to it.
        what: one sentence: what is wrong.
        hint: what to write instead.
        in_key: the key is at fault, not its value.
    """

    path: positions.Path
    what: str
    hint: str = ""
    in_key: bool = False


class FaultError(DefinitionError):
    """A mistake in a recipe that was found where its file is not known.

    Args:
        fault: the mistake.
    """

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what, hint=fault.hint)
        self.fault = fault


class Document(Struct, frozen=True, dict=True):
    """A file that ``tomllib`` could read, or a table of one.

    Args:
        file: its path.
        text: all of it.
        data: what is in it, or in the table.
        table: the keys that lead to the table, none for all of it.
    """

    file: str
    text: str
    data: dict[str, Any]
    table: positions.Path = ()

    def at(self, table: positions.Path) -> Document:
        """Return the document as what one of its tables holds; the table must be there."""
        data = self.data
        for key in table:
            data = data[str(key)]
        return msgspec.structs.replace(self, data=data, table=(*self.table, *table))

    @cached_property
    def positions(self) -> Positions:
        """Where everything stands: found only when first asked for."""
        try:
            return positions.scan(self.text)
        except RecursionError:  # nested as deeply as the parser could just read
            return Positions()

    def error(
        self, faults: Iterable[Fault], kind: type[DefinitionError] = DefinitionError
    ) -> DefinitionError:
        """Make one error of all faults, told in the order of the file."""
        rest = iter(faults)
        problems = [self.problem(fault) for fault in itertools.islice(rest, _MOST_FAULTS)]
        problems.sort(key=lambda each: (each.where.line, each.where.column))
        return kind.of(problems, more=next(rest, None) is not None)

    def problem(self, fault: Fault) -> Problem:
        """Give a fault its place; what is missing is placed at the table that lacks it."""
        spans = self.positions.keys if fault.in_key else self.positions.values
        path = (*self.table, *fault.path)
        for length in range(len(path), 0, -1):
            span = spans.get(path[:length])
            if span:
                return _problem(self.file, self.text, span, fault.what, fault.hint)
        return Problem(fault.what, Where(self.file, 1, 1), hint=fault.hint)


def value_at(data: Any, *keys: str | int) -> Any:
    """Return what keys lead to in the data of a file of others; none where one leads nowhere."""
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def table_at(data: Any, *keys: str | int) -> dict[str, Any]:
    """Return the table that keys lead to; an empty one where there is none."""
    found = value_at(data, *keys)
    return found if isinstance(found, dict) else {}


def read(
    path: Path, error: type[DefinitionError] = DefinitionError, largest: int = LARGEST
) -> Document:
    """Read a TOML file.

    Args:
        path: the file.
        error: what to raise when it cannot be read or is not TOML.
        largest: bytes that it may have.
    """
    text = _read_text(path, error, largest)
    try:
        if _DEEP_KEY.search(text):
            raise RecursionError
        return Document(str(path), text, tomllib.loads(text))
    except RecursionError:
        raise error("this file is nested too deeply", where=Where(str(path))) from None
    except ValueError as cause:  # also a plain one, for a number of thousands of digits
        raise error.of([_syntax_problem(str(path), text, str(cause))]) from cause


def _read_text(path: Path, error: type[DefinitionError], largest: int) -> str:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise error("this is no regular file", where=Where(str(path)))
        with path.open("rb") as stream:
            content = stream.read(largest + 1)
        if len(content) > largest:
            size = human_size(largest)
            raise error(f"this file is larger than {size}", where=Where(str(path)))
        return content.decode().replace("\r\n", "\n")
    except UnicodeDecodeError as cause:
        line = cause.object.count(b"\n", 0, cause.start) + 1
        column = cause.start - cause.object.rfind(b"\n", 0, cause.start)
        where = Where(str(path), line, column)
        raise error("this file is not UTF-8 text", where=where, why=cause.reason) from cause
    except OSError as cause:
        raise error(f"cannot read this file: {cause.strerror}", where=Where(str(path))) from cause


def _syntax_problem(file: str, text: str, message: str) -> Problem:
    place = _TOML_PLACE.search(message)
    what = f"not valid TOML: {message[: place.start()] if place else message}"
    start = len(text.rstrip())
    if place and place[1]:
        lines = text.split("\n")
        start = sum(len(line) + 1 for line in lines[: int(place[1]) - 1]) + int(place[2]) - 1
    return _problem(file, text, Span(start, start + 1), what, "")


def _problem(file: str, text: str, span: Span, what: str, hint: str) -> Problem:
    line = text.count("\n", 0, span.start) + 1
    begin = text.rfind("\n", 0, span.start) + 1
    content = text[begin : _line_end(text, begin)]
    column = span.start - begin
    width = max(1, min(span.end - span.start, len(content) - column))
    excerpt = _excerpt(line, content, column, width)
    return Problem(what, Where(file, line, column + 1), excerpt, hint)


def _line_end(text: str, begin: int) -> int:
    end = text.find("\n", begin)
    return len(text) if end < 0 else end


def _excerpt(number: int, content: str, column: int, width: int) -> str:
    """Draw the line with carets below; a long line is cut around them."""
    if len(content) > EXCERPT_WIDTH:
        first = max(0, min(column - 20, len(content) - EXCERPT_WIDTH))
        content = content[first : first + EXCERPT_WIDTH]
        column -= first
        width = min(width, len(content) - column)
    padding = "".join("\t" if character == "\t" else " " for character in content[:column])
    carets = padding.ljust(column) + "^" * max(1, width)
    margin = " " * len(str(number))
    return f"{number} | {printable(content).rstrip()}\n{margin} | {carets}"


def printable(text: str) -> str:
    """Replace what a terminal could obey: the text comes from a file."""
    return "".join(c if c.isprintable() or c == "\t" else "�" for c in text)
