"""The audit: every check of one table on every file of a payload."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from omnibuild.architectures import of_package
from omnibuild.audit.answers import answered
from omnibuild.audit.checkouts import ways_to_write
from omnibuild.audit.checks.table import CHECKOUT_PATH, CHECKS, FORESEEN, Check
from omnibuild.audit.facts import NOTHING_SPECIAL, Facts
from omnibuild.audit.owners import Owners
from omnibuild.audit.report import Finding, Report
from omnibuild.audit.subject import Subject, Surroundings
from omnibuild.digests import Digest
from omnibuild.payload.model import Payload
from omnibuild.recipe.models import Waiver
from omnibuild.tree import Kind, Tree

# Newer than all that will ever be.
ANY_GLIBC = "9999"


def audit(
    payload: Payload,
    glibc_ceiling: str,
    architecture: str,
    known: Mapping[Digest, Facts] | None = None,
    owners: Owners | None = None,
    waivers: Sequence[Waiver] = (),
    checkouts: Iterable[Path] = (),
    uncompiled: Mapping[str, str] | None = None,
    beneath: Tree | None = None,
) -> Report:
    """Check a payload for a platform.

    Args:
        payload: what would be packaged.
        glibc_ceiling: the highest glibc version that the platform's hosts have, as ``2.31``; empty
            when any is good.
        architecture: of the platform's hosts, as its package format calls it.
        known: facts about contents, by their digest; only other files are read.
        owners: who brought the payload's files; nobody knows when omitted.
        waivers: findings that the recipe has an answer to.
        checkouts: directories that it may have been built from.
        uncompiled: modules of the project that its interpreter cannot compile, by path, and why.
        beneath: what the payload lies on, as the base of an image; hosts have nothing for certain.
    """
    glibc = tuple(int(part) for part in (glibc_ceiling or ANY_GLIBC).split("."))
    found = of_package(architecture)
    machine = found.name if found else architecture
    ways = ways_to_write(checkouts, payload)
    known, owners = dict(known or {}), owners or Owners()
    around = Surroundings(payload, glibc, machine, known, ways, uncompiled or {}, owners, beneath)
    findings, used = answered(_findings(around, CHECKS), waivers)
    unused = [("audit", "waivers", n) for n in range(len(waivers)) if n not in used]
    return Report.of(payload.metadata.name, findings, unused)


def search(payload: Payload, checkouts: Iterable[Path], owners: Owners) -> Report:
    """Look in a payload for the directories that it was built from, and for nothing else."""
    nothing = dict.fromkeys((entry.digest for entry in payload.tree.files()), NOTHING_SPECIAL)
    ways = ways_to_write(checkouts, payload)
    around = Surroundings(payload, (), "", nothing, ways, owners=owners)
    checks = [check for check in CHECKS if check.name == CHECKOUT_PATH]
    return Report.of(payload.metadata.name, _findings(around, checks))


def foresee(
    payload: Payload,
    known: Mapping[Digest, Facts],
    owners: Owners,
    waivers: Sequence[Waiver],
    uncompiled: Mapping[str, str],
) -> Report:
    """Check files that are no payload yet for what they hold, wherever they will be."""
    around = Surroundings(payload, (), "", dict(known), (), uncompiled, owners)
    checks = [check for check in CHECKS if check.name in FORESEEN]
    findings, _ = answered(_findings(around, checks), waivers)
    return Report.of(payload.metadata.name, findings)


def _findings(around: Surroundings, checks: Sequence[Check]) -> Iterator[Finding]:
    of_all = [check for check in checks if not check.content]
    for subject in _subjects(around):
        for check in of_all if subject.facts == NOTHING_SPECIAL else checks:
            for detail in check.function(subject, around):
                yield _finding(check, subject, around, detail)


def _finding(check: Check, subject: Subject, around: Surroundings, detail: str) -> Finding:
    path, owner = subject.path, subject.owner
    inside = path.removeprefix(f"{around.payload.prefix.lstrip('/')}/")
    own = check.remedy if isinstance(check.remedy, str) else check.remedy(subject, around)
    remedies = (own, owner.without(inside))
    remedy = "; ".join(filter(None, remedies))
    return Finding(check.level_for(owner), check.name, path, detail, str(owner), remedy)


def _subjects(around: Surroundings) -> Iterator[Subject]:
    """Yield every entry; hard links with what is in the file they repeat.

    A second name is checked like the first, for it stands elsewhere: its runpath and its
    relative links start from there.
    """
    tree = around.payload.tree
    for entry in tree.entries:
        owner = around.owners.of(entry.path)
        if entry.kind is Kind.FILE:
            yield Subject(entry, around.facts(entry), owner)
        elif entry.kind is Kind.HARDLINK:
            yield Subject(entry, around.facts(tree.by_path[entry.target]), owner)
        else:
            yield Subject(entry, owner=owner)
