"""What an audit found, as data."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from omnibuild.errors import AuditError
from omnibuild.recipe.models.audit import NEVER_WAIVED

LISTED = 20


class Level(StrEnum):
    """How grave a finding is.

    An error stops the payload, a warning is only told, and what is waived the recipe has answered.
    """

    ERROR = "error"
    WARNING = "warning"
    WAIVED = "waived"


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of one file.

    Args:
        level: error, warning or waived.
        check: name of the check that found it.
        path: the file, relative to the host's ``/``.
        detail: what is wrong with it.
        owner: who brought the file, with its version; empty when nobody knows.
        remedy: what to write or do.
        reason: why it is waived.
    """

    level: Level
    check: str
    path: str
    detail: str
    owner: str = ""
    remedy: str = ""
    reason: str = ""

    def __str__(self) -> str:
        of_whom = f" (of {self.owner})" if self.owner else ""
        return f"{self.check}: /{self.path}{of_whom}: {self.detail}"

    @property
    def order(self) -> tuple[int, str, str, str]:
        """What reports are sorted by."""
        return list(Level).index(self.level), self.check, self.path, self.detail


# Keys and indexes that lead to a place in a recipe.
Keys = tuple[str | int, ...]


@dataclass(frozen=True)
class Report:
    """All findings about one payload, errors first, then by check and path.

    Args:
        name: of the payload.
        findings: what was found.
        unused: places in the recipe that wanted to waive or prune something, and met nothing.
    """

    name: str
    findings: tuple[Finding, ...]
    unused: tuple[Keys, ...] = ()

    @classmethod
    def of(cls, name: str, findings: Iterable[Finding], unused: Iterable[Keys] = ()) -> Report:
        """Make a report from findings in any order."""
        ordered = sorted(findings, key=lambda finding: finding.order)
        return cls(name, tuple(ordered), tuple(unused))

    def at(self, level: Level) -> tuple[Finding, ...]:
        """Return the findings of one level."""
        return tuple(finding for finding in self.findings if finding.level is level)

    def raise_if_failed(self) -> None:
        """Raise :class:`AuditError` that lists the errors, when there are any."""
        errors = self.at(Level.ERROR)
        if not errors:
            return
        count = len(errors)
        error = AuditError(
            f"the payload of {self.name} has {count} {'fault' if count == 1 else 'faults'}",
            why=listed(f"{e}\n    {e.remedy}" if e.remedy else str(e) for e in errors),
            hint=waiving(errors) or "mend what brings the file",
        )
        error.findings = tuple(_plain(finding) for finding in errors)
        raise error

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values; what does not apply is left out."""
        data: dict[str, Any] = {"name": self.name, "findings": [*map(_plain, self.findings)]}
        return {**data, "unused": [*map(list, self.unused)]} if self.unused else data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Report:
        """Read what :meth:`to_data` wrote."""
        findings = [Finding(**f | {"level": Level(f["level"])}) for f in data["findings"]]
        return cls.of(data["name"], findings, map(tuple, data.get("unused", ())))


def _plain(finding: Finding) -> dict[str, str]:
    return {key: str(value) for key, value in asdict(finding).items() if value}


def waiving(findings: Iterable[Finding]) -> str:
    """Say how to waive the first finding that can be; empty when none can."""
    for finding in findings:
        if finding.check not in NEVER_WAIVED:
            return (
                "what is right as it is may stay, if the recipe says why; for the first:\n"
                "[[audit.waivers]]\n"
                f"check = {json.dumps(finding.check)}\n"
                f"path = {json.dumps(f'/{finding.path}')}\n"
                'reason = "…"'
                + ('\ndepends = { deb = ["…"], rpm = ["…"] }' * (finding.check == "libraries"))
            )
    return ""


def united(reports: Iterable[Report]) -> Report:
    """Return one report of several about one payload; what they agree on is in it once.

    Of no use is what was of no use for any of them.
    """
    every = list(reports)
    findings = {finding for each in every for finding in each.findings}
    unused = [keys for keys in every[0].unused if all(keys in each.unused for each in every)]
    return Report.of(every[0].name, findings, unused)


def told(report: Report, beyond: Collection[tuple[str, str]] = ()) -> Iterator[str]:
    """Yield a text for each check that warned and for each waiver: how many files, and the first.

    Args:
        report: what was found.
        beyond: checks and owners of whose files nobody is warned who can change nothing there.

    Each text starts with the level, and ends with a line of what to write, if that is known.
    """
    for level in (Level.WARNING, Level.WAIVED):
        alike: dict[tuple[str, str], list[Finding]] = {}
        for finding in report.at(level):
            if level is Level.WARNING and (finding.check, finding.owner) in beyond:
                continue
            alike.setdefault((finding.check, finding.reason), []).append(finding)
        for (_, reason), (first, *others) in alike.items():
            more = f" (and {len(others)} more)" if others else ""
            why = f"; waived: {reason}" if reason else ""
            remedy = f"\n    {first.remedy}" if first.remedy else ""
            yield f"{level:8}{report.name}: {first}{more}{why}{remedy}"


def listed(lines: Iterable[str]) -> str:
    """Join the first texts, and say how many there are beyond."""
    every = list(lines)
    more = [f"and {len(every) - LISTED} more"] if len(every) > LISTED else []
    return "\n".join(every[:LISTED] + more)
