"""``omnibuild lock``."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys

from omnibuild import files
from omnibuild.cli.common import reporting, settings_from, unseen
from omnibuild.locking.lock import lock
from omnibuild.recipe.lock import written


def run(arguments: argparse.Namespace) -> int:
    """Write the lock that the recipe names."""
    settings = settings_from(arguments)
    with contextlib.nullcontext(unseen) if arguments.json else reporting(arguments) as emit:
        made = lock(settings, arguments.recipe, arguments.require, emit)
    files.write_atomic(made.path, written(made.content))
    count = len(made.content.packages)
    if arguments.json:
        sys.stdout.write(json.dumps({"lock": str(made.path), "packages": count}) + "\n")
    else:
        sys.stdout.write(f"{made.path}: {count} packages, pinned by digest\n")
    return 0
