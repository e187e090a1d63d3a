"""``omnibuild why``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator

from omnibuild.cli.common import settings_from
from omnibuild.plan.decisions import Verdict
from omnibuild.plan.reasons import FIRST
from omnibuild.report.explain import reason_lines
from omnibuild.report.plain import PlainReport
from omnibuild.workbench import examine
from omnibuild.workbench.examine import Explanation


def run(arguments: argparse.Namespace) -> int:
    """Say why an action will run, or ran the last time."""
    explanations = examine.why(
        settings_from(arguments), arguments.component, arguments.recipe, PlainReport(sys.stderr)
    )
    for explanation in explanations:
        if arguments.json:
            sys.stdout.write(json.dumps(explanation.to_data()) + "\n")
        else:
            sys.stdout.writelines(f"{line}\n" for line in _lines(explanation))
    return 0


def _lines(explanation: Explanation) -> Iterator[str]:
    decision, last = explanation.decision, explanation.last
    name = decision.action
    if decision.verdict is Verdict.RUN and decision.reason is not None:
        first, *rest = reason_lines(decision.reason)
        yield f"{name} will run: {first}"
        yield from rest
    elif decision.verdict is Verdict.PENDING:
        yield f"{name} depends on what is made by {', '.join(decision.pending_on)}"
    elif last is None:
        yield f"{name} is up to date"
    else:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(last.time))
        if explanation.last_reason is None:
            yield f"{name} is up to date; it was first used {when}"
            return
        if explanation.last_reason == FIRST:
            yield f"{name} is up to date; it was built here for the first time {when}"
            return
        first, *rest = reason_lines(explanation.last_reason)
        yield f"{name} is up to date; it ran {when}, and the reason was: {first}"
        yield from rest
