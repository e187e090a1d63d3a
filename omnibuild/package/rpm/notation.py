"""Relations in rpm's own words: packages, capabilities, files, and boolean expressions of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from omnibuild.errors import PackageError
from omnibuild.package.rpm.tags import Sense
from omnibuild.patterns import regex

# A package, a file, or a capability with parts in parentheses, as libfoo.so.1(FOO_1.2)(64bit).
# rpm itself would take nearly everything for a name, and then nobody could provide it.
_NAME = r"(?:/[^\s()<>=,|]+|[A-Za-z0-9_][A-Za-z0-9_.+:@~^-]*(?:\([^\s()]*\))*)"
_VERSION = r"(?:[0-9]+:)?[A-Za-z0-9._+~^]+(?:-[A-Za-z0-9._+~^]+)?"
NOTATION: Final = regex(
    rf"(?P<name>{_NAME})(?:\s+(?P<operator><=|>=|<|=|>)\s+(?P<version>{_VERSION}))?"
)
_OPERATOR = regex(r"(and|or|with|without|if|unless|else)\s")
_SPACE = regex(r"\s*")

# Whatever rpm's own parser takes: other packagers call capabilities as they like.
_INNER = r"\((?:[^\s,()]|\((?:[^\s,()]|\([^\s,()]*\))*\))*\)"
_FOREIGN_WORD = rf"(?:[^\s,()]|{_INNER})"
_FOREIGN = regex(rf"(?!\(){_FOREIGN_WORD}+(?:\s+(?:[<>]=?|==?|=[<>])\s+(?![<>=]){_FOREIGN_WORD}+)?")

_CHAINS = ("and", "or", "with")
_DEEPEST = 30


SENSES: Final = {
    "": Sense(0),
    "<<": Sense.LESS,
    "<=": Sense.LESS | Sense.EQUAL,
    "=": Sense.EQUAL,
    ">=": Sense.GREATER | Sense.EQUAL,
    ">>": Sense.GREATER,
}

COMPARISONS: Final[Mapping[int, str]] = {
    SENSES["<<"]: "LT",
    SENSES["<="]: "LE",
    SENSES["="]: "EQ",
    SENSES[">="]: "GE",
    SENSES[">>"]: "GT",
}

OWN_SENSES: Final = {
    "": SENSES[""],
    "<": SENSES["<<"],
    "<=": SENSES["<="],
    "=": SENSES["="],
    ">=": SENSES[">="],
    ">": SENSES[">>"],
}
OPERATORS: Final[Mapping[int, str]] = {sense: operator for operator, sense in OWN_SENSES.items()}


@dataclass(frozen=True, slots=True, order=True)
class RpmRelation:
    """A relation as rpm holds it: name, version (``[epoch:]version[-release]``), flags."""

    name: str
    version: str = ""
    flags: int = 0

    @property
    def comparison(self) -> str:
        """How yum's metadata calls the operator: LT, LE, EQ, GE, GT, or empty."""
        return COMPARISONS.get(self.flags & (Sense.LESS | Sense.EQUAL | Sense.GREATER), "")

    @property
    def notation(self) -> str:
        """The relation in rpm's own words, as ``name >= version``."""
        operator = OPERATORS.get(self.flags & (Sense.LESS | Sense.EQUAL | Sense.GREATER), "")
        return f"{self.name} {operator} {self.version}" if operator else self.name

    @property
    def is_prerequisite(self) -> bool:
        """Whether it must be there before the package's own scripts run."""
        before = Sense.PREREQUISITE | Sense.SCRIPT_PRE | Sense.SCRIPT_POST
        return bool(self.flags & before)

    @property
    def is_feature(self) -> bool:
        """Whether it asks something of rpm itself."""
        return bool(self.flags & Sense.RPMLIB)


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
