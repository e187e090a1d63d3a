"""``omnibuild cache push`` and ``omnibuild cache pull``."""

from __future__ import annotations

import argparse
import json
import sys

from omnibuild import pipeline, share
from omnibuild.cli.common import reporting, settings_from


def run(arguments: argparse.Namespace) -> int:
    """Exchange all that belongs to a recipe with the remote cache."""
    settings = settings_from(arguments)
    planned = pipeline.plan(settings, arguments.recipe, arguments.platform)
    exchange = {"push": share.push, "pull": share.pull}[arguments.action]
    with reporting(arguments) as emit:
        shared = exchange(settings, planned, emit)
    if arguments.json:
        document = {"there": shared.there, "missing": shared.missing}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        where = "in the remote cache" if arguments.action == "push" else "here"
        sys.stdout.write(f"{shared.there} objects are {where}, {shared.missing} are not\n")
    return 0
