"""The audit of any package or tree, whoever made it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omnibuild.architectures import TARGET, of_package
from omnibuild.audit.audit import audit
from omnibuild.audit.facts import Facts, facts_of
from omnibuild.audit.glibc import asked_of, lowest_version
from omnibuild.audit.report import Report
from omnibuild.digests import Digest
from omnibuild.package.opening.opened import Opened, open_package
from omnibuild.package.opening.owners import owners_in
from omnibuild.recipe.models import Platform, Waiver
from omnibuild.sources.extraction import Limits


@dataclass(frozen=True)
class Judgement:
    """What an audit says of a package.

    Args:
        package: what was looked at.
        machine: the processor that it is for.
        glibc: the oldest glibc that its programs start with; empty where they need none.
        report: the findings.
    """

    package: Opened
    machine: str
    glibc: str
    report: Report

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        payload = self.package.above_base()
        return {
            **self.report.to_data(),
            "version": payload.metadata.version,
            "machine": self.machine,
            "glibc": self.glibc,
            "files": sum(1 for _ in payload.tree.files()),
        }


def judge(
    path: Path,
    scratch: Path,
    limits: Limits,
    platform: Platform | None = None,
    waivers: Sequence[Waiver] = (),
    checkouts: Iterable[Path] = (),
) -> Judgement:
    """Audit a .deb, an .rpm, an image, a tarball or a directory.

    Of an image with several layers the lowest is what hosts are to packages: it is not audited.

    Args:
        path: the file or directory.
        scratch: a private, empty directory.
        limits: what an archive may hold at most.
        platform: what it is to run on; without one, no version of glibc is too new.
        waivers: findings that may stay.
        checkouts: directories that it may have been built from.

    Raises:
        PackageError: it cannot be read.
    """
    opened = open_package(path, scratch, limits)
    payload = opened.above_base()
    known: dict[Digest, Facts] = {}
    for entry in payload.tree.files():
        if entry.digest not in known:
            known[entry.digest] = facts_of(payload.read(entry))
    programs = [facts.elf for facts in known.values() if facts.elf]
    machines = Counter(elf.machine for elf in programs)
    said = of_package(opened.architecture)
    usual = machines.most_common(1)[0][0] if machines else TARGET.name
    machine = said.name if said else usual
    report = audit(
        payload,
        platform.glibc if platform else "",
        platform.settings.architecture if platform else machine,
        known,
        owners_in(payload),
        waivers,
        checkouts,
        beneath=opened.payload.tree if opened.base else None,
    )
    return Judgement(opened, machine, lowest_version(asked_of(programs)), report)
