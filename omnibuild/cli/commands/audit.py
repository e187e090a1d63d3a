"""``omnibuild audit``."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from omnibuild.audit.report import Level, told
from omnibuild.cli.common import settings_from
from omnibuild.errors import AuditError, UsageError
from omnibuild.recipe.definitions import Definitions
from omnibuild.repository.intake import goes_with_another
from omnibuild.sources.archive import at_most
from omnibuild.workbench.judge import Judgement, judge


def run(arguments: argparse.Namespace) -> int:
    """Audit each package; tell what was found, and by the exit status whether it is sound."""
    settings = settings_from(arguments)
    definitions = Definitions(settings.workspace)
    platform = definitions.platform(arguments.platform)[0] if arguments.platform else None
    recipe = definitions.recipe(arguments.recipe)[0] if arguments.recipe else None
    waivers = recipe.audit.waivers if recipe and recipe.audit else ()
    sound = True
    # What lies beside packages says something of them, and is none.
    names = {path.name for path in arguments.packages}
    for path in arguments.packages:
        if goes_with_another(path.name, names):
            continue
        if not path.exists():
            raise UsageError(f"there is no file or directory {path}")
        with tempfile.TemporaryDirectory(prefix="omnibuild-audit-") as scratch:
            limits = at_most(settings.unpacked)
            checkouts = (settings.workspace,)
            found = judge(path, Path(scratch), limits, platform, waivers, checkouts)
            _tell(path, found, as_json=arguments.json)
        sound = sound and not found.report.at(Level.ERROR)
    return 0 if sound else AuditError.exit_status


def _tell(path: Path, found: Judgement, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"path": str(path), **found.to_data()}) + "\n")
        return
    report = found.report
    for finding in report.at(Level.ERROR):
        sys.stdout.write(f"{Level.ERROR:8}{report.name}: {finding}\n")
    for line in told(report):
        sys.stdout.write(f"{line}\n")
    counts = [
        f"{number} {name}" if number == 1 or level is Level.WAIVED else f"{number} {name}s"
        for level, name in zip(Level, ("error", "warning", "waived"), strict=True)
        if (number := len(report.at(level)))
    ]
    needs = f"; it needs glibc {found.glibc} or later" if found.glibc else ""
    sys.stdout.write(f"{path}: {', '.join(counts) or 'nothing found'}{needs}\n")
