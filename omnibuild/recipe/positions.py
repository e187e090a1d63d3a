"""Where keys and values stand in a TOML document.

``tomllib`` keeps no positions, so this scanner finds them afterwards, once there is an error to
locate. It reads only text that ``tomllib`` has accepted and therefore checks nothing: it only
tells where each key and each value begins and ends, also inside arrays of many lines.
"""

from __future__ import annotations

import re
import tomllib

from msgspec import Struct, field

from omnibuild.patterns import regex

Path = tuple[str | int, ...]
"""Keys and array indexes that lead to a value, as ``("web", "workers")``."""

_BLANK = regex(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY = regex(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_STRING = regex(
    r'"""(?:[^\\]|\\.)*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'", re.DOTALL
)
_SCALAR = regex(r"[^,\]}#\n]+")


class Span(Struct, frozen=True):
    """A stretch of the text: from ``start`` up to, not including, ``end``."""

    start: int
    end: int


class Positions(Struct, frozen=True):
    """Spans by path; the value of a table with a header is the name in that header."""

    keys: dict[Path, Span] = field(default_factory=dict)
    values: dict[Path, Span] = field(default_factory=dict)


def scan(text: str) -> Positions:
    """Find every key and value of a valid document."""
    scanner = _Scanner(text)
    scanner.document()
    return scanner.found


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found = Positions()
        self.lengths: dict[Path, int] = {}  # of the arrays of tables seen so far

    def document(self) -> None:
        table: Path = ()
        while self._next():
            if self._take("[["):
                table = self._header(array=True)
            elif self._take("["):
                table = self._header(array=False)
            else:
                self._pair(table)

    def _next(self) -> str:
        """Skip blanks and comments; return the character that follows, "" at the end."""
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        return self.text[self.at : self.at + 1]

    def _take(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def _match(self, pattern: re.Pattern[str]) -> Span:
        match = pattern.match(self.text, self.at)
        start, self.at = self.at, match.end() if match else self.at + 1
        return Span(start, self.at)

    def _dotted_key(self) -> list[tuple[str, Span]]:
        parts = []
        while True:
            self._next()
            span = self._match(_KEY)
            parts.append((_unquote(self.text[span.start : span.end]), span))
            self._next()
            if not self._take("."):
                return parts

    def _header(self, *, array: bool) -> Path:
        parts = self._dotted_key()
        self._take("]]" if array else "]")
        path: Path = ()
        for number, (name, span) in enumerate(parts, start=1):
            path = (*path, name)
            self._record(path, span)
            if array and number == len(parts):
                self.lengths[path] = self.lengths.get(path, 0) + 1
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
                self._record(path, span)
        return path

    def _pair(self, table: Path) -> None:
        parts = self._dotted_key()
        path = table
        for name, span in parts[:-1]:
            path = (*path, name)
            self._record(path, span)
        name, span = parts[-1]
        self.found.keys[(*path, name)] = span
        self._take("=")
        self._value((*path, name))

    def _record(self, path: Path, span: Span) -> None:
        self.found.keys.setdefault(path, span)
        self.found.values.setdefault(path, span)

    def _value(self, path: Path) -> None:
        character = self._next()
        start = self.at
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            self._inline_table(path)
        else:
            self._match(_STRING if character in "\"'" else _SCALAR)
        end = start + len(self.text[start : self.at].rstrip())
        self.found.values[path] = Span(start, end)

    def _array(self, path: Path) -> None:
        index = 0
        while self._next() and not self._take("]"):
            self._value((*path, index))
            index += 1
            self._next()
            self._take(",")

    def _inline_table(self, path: Path) -> None:
        while self._next() and not self._take("}"):
            self._pair(path)
            self._next()
            self._take(",")


def _unquote(key: str) -> str:
    if key.startswith('"'):
        return str(tomllib.loads(f"key = {key}")["key"])
    return key.strip("'") if key.startswith("'") else key
