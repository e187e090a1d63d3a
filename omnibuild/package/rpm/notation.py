"""Relations in rpm's own words: packages, capabilities, files, and boolean expressions of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from omnibuild.errors import PackageError

# A package, a file, or a capability with parts in parentheses, as libfoo.so.1(FOO_1.2)(64bit).
# rpm itself would take nearly everything for a name, and then nobody could provide it.
_NAME = r"(?:/[^\s()<>=,|]+|[A-Za-z0-9_][A-Za-z0-9_.+:@~^-]*(?:\([^\s()]*\))*)"
_VERSION = r"(?:[0-9]+:)?[A-Za-z0-9._+~^]+(?:-[A-Za-z0-9._+~^]+)?"
NOTATION: Final = re.compile(
    rf"(?P<name>{_NAME})(?:\s+(?P<operator><=|>=|<|=|>)\s+(?P<version>{_VERSION}))?"
)
_OPERATOR = re.compile(r"(and|or|with|without|if|unless|else)\s")
_SPACE = re.compile(r"\s*")

# Whatever rpm's own parser takes: other packagers call capabilities as they like.
_INNER = r"\((?:[^\s,()]|\((?:[^\s,()]|\([^\s,()]*\))*\))*\)"
_FOREIGN_WORD = rf"(?:[^\s,()]|{_INNER})"
_FOREIGN = re.compile(
    rf"(?!\(){_FOREIGN_WORD}+(?:\s+(?:[<>]=?|==?|=[<>])\s+(?![<>=]){_FOREIGN_WORD}+)?"
)

_CHAINS = ("and", "or", "with")
_DEEPEST = 30


@dataclass(frozen=True)
class _Grammar:
    """What an expression is made of: operands, and which conditions it may have."""

    operand: re.Pattern[str]
    conditions: tuple[str, ...]


def is_rich(text: str, condition: str) -> bool:
    """Tell whether a text is one boolean expression, as ``(a >= 1 and (b or c))``.

    Args:
        text: what may be one.
        condition: ``if`` or ``unless``: what requires something has other conditions than what
            conflicts with it.
    """
    return _is_expression(text, _Grammar(NOTATION, (condition,)))


def is_foreign_rich(text: str) -> bool:
    """Tell whether hosts can parse an expression that somebody else's rpm holds."""
    return _is_expression(text, _Grammar(_FOREIGN, ("if", "unless")))


def _is_expression(text: str, grammar: _Grammar) -> bool:
    try:
        return text.startswith("(") and _rich_end(text, 0, grammar) == len(text)
    except ValueError:
        return False


def parse_rpm_relation(text: str, *, condition: str = "") -> tuple[str, str, str]:
    """Return name, operator and version of a relation; an expression is a name.

    Args:
        text: as ``openssh-clients >= 8.0``, ``/usr/bin/convert`` or ``(this or that)``.
        condition: that of boolean expressions, if its kind takes any.

    Raises:
        PackageError: rpm would not take it.
    """
    if condition and is_rich(text, condition):
        return text, "", ""
    match = NOTATION.fullmatch(text)
    if match is None:
        expression = " or (this or that)" if condition else ""
        raise PackageError(
            f"{text!r} is not a relation that rpm knows",
            hint="write it as rpm does: name, name >= 1.2, /usr/bin/name, libname.so.1()(64bit)"
            f"{expression}",
        )
    return match["name"], match["operator"] or "", match["version"] or ""


def _rich_end(text: str, start: int, grammar: _Grammar, depth: int = 1) -> int:
    """Return where the expression ends whose parenthesis is at ``start``."""
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    operators: list[str] = []
    position = start + 1
    while True:
        position = _behind_space(text, position)
        if text.startswith("(", position):
            position = _rich_end(text, position, grammar, depth + 1)
        elif operand := grammar.operand.match(text, position):
            position = operand.end()
        else:
            raise ValueError(f"no operand at {position}")
        position = _behind_space(text, position)
        if text.startswith(")", position):
            break
        operator = _OPERATOR.match(text, position)
        if operator is None:
            raise ValueError(f"no operator at {position}")
        operators.append(operator[1])
        position = operator.end()
    if not _stand_together(operators, grammar.conditions):
        raise ValueError("operators that cannot stand together")
    return position + 1


def _stand_together(operators: list[str], conditions: tuple[str, ...]) -> bool:
    if not operators or operators == ["without"]:
        return True
    first, *others = operators
    if first in conditions:
        return others in ([], ["else"])
    return first in _CHAINS and set(others) <= {first}


def _behind_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return space.end() if space else position
