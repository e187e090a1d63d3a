"""Relations between packages: dpkg's notation parsed, and said in rpm's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from omnibuild.errors import PackageError

NOTATION: Final = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9+.-]+)(?P<any>:any)?"
    r"(?:\s*\(\s*(?P<operator><<|<=|=|>=|>>)\s*(?P<version>[0-9][A-Za-z0-9.+~:-]*)\s*\))?"
)

RPM_OPERATORS: Final = {"<<": "<", "<=": "<=", "=": "=", ">=": ">=", ">>": ">"}


@dataclass(frozen=True, slots=True)
class Relation:
    """A package, perhaps of certain versions: ``libc6 (>= 2.31)``.

    Args:
        operator: one of dpkg's, or empty for every version.
        any_architecture: whether the name carries dpkg's ``:any``.
    """

    name: str
    operator: str = ""
    version: str = ""
    any_architecture: bool = False

    def __str__(self) -> str:
        name = f"{self.name}:any" if self.any_architecture else self.name
        return f"{name} ({self.operator} {self.version})" if self.operator else name

    @property
    def rpm_term(self) -> str:
        """The relation inside one of rpm's boolean dependencies: ``libc6 >= 2.31``."""
        if not self.operator:
            return self.name
        return f"{self.name} {RPM_OPERATORS[self.operator]} {self.version}"


def parse_relation(text: str) -> tuple[Relation, ...]:
    """Parse one relation and its alternatives, as ``a (>= 1.2) | b``.

    Raises :class:`PackageError` for what dpkg would not take.
    """
    alternatives = []
    for part in text.split("|"):
        match = NOTATION.fullmatch(part.strip(" "))
        if match is None:
            raise PackageError(
                f"{text!r} is not a relation to a package",
                hint="write it as dpkg does: name, name (>= 1.2), or alternatives: a | b",
            )
        alternatives.append(
            Relation(
                match["name"], match["operator"] or "", match["version"] or "", bool(match["any"])
            )
        )
    return tuple(alternatives)


def parse_single_relation(text: str, field: str) -> Relation:
    """Parse a relation of a field that takes no alternatives."""
    relation, *others = parse_relation(text)
    if others:
        raise PackageError(f"{field} takes no alternatives: {text!r}")
    return relation
