"""What recipes answer to findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from omnibuild.audit.report import Finding, Level, Report
from omnibuild.payload.globs import matches
from omnibuild.recipe.models import Waiver


def answered(
    findings: Iterable[Finding], waivers: Sequence[Waiver]
) -> tuple[list[Finding], set[int]]:
    """Return the findings, those that are waived as such, and which waivers met one."""
    found: list[Finding] = []
    used: set[int] = set()
    for finding in findings:
        covering = [
            number
            for number, waiver in enumerate(waivers)
            if waiver.check == finding.check and matches(waiver.path, f"/{finding.path}")
        ]
        used.update(covering)
        if covering:
            reason = waivers[covering[0]].reason
            finding = replace(finding, level=Level.WAIVED, remedy="", reason=reason)
        found.append(finding)
    return found, used


def with_searched(report: Report, found: Report, waivers: Sequence[Waiver]) -> Report:
    """Return what an audit found and, answered by the same waivers, what a search found later."""
    findings, used = answered(found.findings, waivers)
    met = {("audit", "waivers", number) for number in used}
    unused = [keys for keys in report.unused if keys not in met]
    return Report.of(report.name, (*report.findings, *findings), unused)
