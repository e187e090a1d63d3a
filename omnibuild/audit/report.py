"""What an audit found, as data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from omnibuild.errors import AuditError

LISTED = 20


class Level(StrEnum):
    """How grave a finding is: an error stops the payload, a warning is only told."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One fault of one file.

    Args:
        level: error or warning.
        check: name of the check that found it.
        path: the file, relative to the host's ``/``.
        detail: what is wrong with it.
    """

    level: Level
    check: str
    path: str
    detail: str

    def __str__(self) -> str:
        return f"{self.check}: /{self.path}: {self.detail}"


@dataclass(frozen=True)
class Report:
    """All findings about one payload, errors first, then by check and path."""

    name: str
    findings: tuple[Finding, ...]

    @classmethod
    def of(cls, name: str, findings: Iterable[Finding]) -> Report:
        """Make a report from findings in any order."""
        return cls(name, tuple(sorted(findings)))

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that stop the payload."""
        return tuple(finding for finding in self.findings if finding.level is Level.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that are only told."""
        return tuple(finding for finding in self.findings if finding.level is Level.WARNING)

    def raise_if_failed(self) -> None:
        """Raise :class:`AuditError` that lists the errors, when there are any."""
        if self.errors:
            count = len(self.errors)
            raise AuditError(
                f"the payload of {self.name} has {count} {'fault' if count == 1 else 'faults'}",
                why=listed(map(str, self.errors)),
                hint="fix the component or package that brings the file",
            )

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        findings = [
            {key: str(value) for key, value in asdict(finding).items()} for finding in self.findings
        ]
        return {"name": self.name, "findings": findings}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Report:
        """Read what :meth:`to_data` wrote."""
        findings = [Finding(**f | {"level": Level(f["level"])}) for f in data["findings"]]
        return cls.of(data["name"], findings)


def united(reports: Iterable[Report]) -> Report:
    """Return one report of several about one payload; what they agree on is in it once."""
    every = list(reports)
    return Report.of(every[0].name, {finding for each in every for finding in each.findings})


def told(report: Report) -> Iterator[str]:
    """Yield one line for each check that warned: how many files, and the first of them."""
    for _, found in groupby(report.warnings, lambda finding: finding.check):
        first, *others = found
        more = f" (and {len(others)} more)" if others else ""
        yield f"{report.name}: {first}{more}"


def listed(lines: Iterable[str]) -> str:
    """Join the first lines, and say how many there are beyond."""
    every = list(lines)
    more = [f"and {len(every) - LISTED} more"] if len(every) > LISTED else []
    return "\n".join(every[:LISTED] + more)
