"""``omnibuild build``."""

from __future__ import annotations

import argparse
import sys

from omnibuild import pipeline
from omnibuild.cli.common import reporting, settings_from


def run(arguments: argparse.Namespace) -> int:
    """Build, then name the artifacts on standard output."""
    settings = settings_from(arguments)
    with reporting(arguments) as emit:
        artifacts = pipeline.build(
            settings, arguments.recipe, arguments.platform, arguments.output, emit
        )
    if not arguments.json:
        for artifact in artifacts:
            sys.stdout.write(f"{artifact.path}  ({', '.join(artifact.platforms)})\n")
    return 0
