"""``omnibuild artifact rebuild``."""

from __future__ import annotations

import argparse
import json
import sys

from omnibuild import pipeline
from omnibuild.cli.common import reporting, settings_from
from omnibuild.recipe.definitions import Definitions
from omnibuild.workbench import examine, rebuild


def run(arguments: argparse.Namespace) -> int:
    """Build again elsewhere; list what is the same, or end with what differs."""
    settings = settings_from(arguments)
    if arguments.subject in Definitions(settings.workspace).names("recipes"):
        planned = pipeline.plan(settings, arguments.subject, arguments.platform)
        only: set[str] = set()
    else:
        planned = examine.plan_with(settings, arguments.subject, "")
        only = {
            action.name
            for action in planned.plan
            if action.output is None and examine.stands_for(arguments.subject, action.name)
        }
    with reporting(arguments) as emit:
        compared = rebuild.rebuild(settings, planned, only, emit)
    for item in compared:
        if arguments.json:
            document = {"action": item.action, "digest": item.first.digest}
            sys.stdout.write(json.dumps(document) + "\n")
        else:
            sys.stdout.write(f"same  {item.first.digest[:16]}  {item.action}\n")
    return 0
