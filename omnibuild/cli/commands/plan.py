"""``omnibuild plan``."""

from __future__ import annotations

import argparse
import json
import sys

from omnibuild import pipeline
from omnibuild.cli.common import settings_from
from omnibuild.errors import UsageError
from omnibuild.report.plain import PlainReport


def run(arguments: argparse.Namespace) -> int:
    """Show what a build would do, in words, as JSON lines or as a drawing."""
    if arguments.json and arguments.graph:
        raise UsageError("--json and --graph are two ways to show one plan", hint="choose one")
    settings = settings_from(arguments)
    planned = pipeline.plan(settings, arguments.recipe, arguments.platform)
    decisions = pipeline.decisions(settings, planned, PlainReport(sys.stderr))
    if arguments.json:
        for decision in decisions:
            sys.stdout.write(json.dumps(decision.to_data()) + "\n")
    elif arguments.graph:
        from omnibuild.report.graph import dot, svg

        draw = {"dot": dot, "svg": svg}[arguments.graph]
        sys.stdout.write(draw(planned.plan, decisions))
    else:
        from omnibuild.report.explain import plan_lines

        for line in plan_lines(decisions):
            sys.stdout.write(line + "\n")
    return 0
