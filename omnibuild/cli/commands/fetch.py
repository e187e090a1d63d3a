"""``omnibuild fetch``."""

from __future__ import annotations

import argparse

from omnibuild import pipeline
from omnibuild.cli.common import reporting, settings_from


def run(arguments: argparse.Namespace) -> int:
    """Fill the store with every source of an app."""
    settings = settings_from(arguments)
    with reporting(arguments) as emit:
        pipeline.fetch(settings, arguments.recipe, arguments.platform, emit)
    return 0
