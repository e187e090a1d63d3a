"""``omnibuild check``."""

from __future__ import annotations

import argparse
import json
import sys

from omnibuild.cli.common import settings_from
from omnibuild.cli.outcome import report
from omnibuild.workbench.checking import Checked, check


def run(arguments: argparse.Namespace) -> int:
    """Tell everything that a build of the recipes would refuse."""
    settings = settings_from(arguments)
    checked = check(settings, arguments.recipes, arguments.platform)
    statuses = [_tell(each, as_json=arguments.json) for each in checked]
    return next(filter(None, statuses), 0)


def _tell(checked: Checked, *, as_json: bool) -> int:
    """Tell how a recipe is, and return the exit status that it deserves."""
    status = 0
    for problem in checked.problems:
        status = report(problem, as_json=as_json)
    if as_json:
        found = {
            "recipe": checked.name,
            "fine": not status,
            "unread": checked.unread,
            "oddities": list(checked.oddities),
        }
        sys.stdout.write(json.dumps(found) + "\n")
        return status
    for oddity in checked.oddities:
        sys.stdout.write(f"warning {oddity}\n")
    if not status:
        many = "package is" if checked.unread == 1 else "packages are"
        left = f"; {checked.unread} {many} not looked into: not fetched, or to be built"
        sys.stdout.write(f"{checked.name}: fine{left if checked.unread else ''}\n")
    return status
