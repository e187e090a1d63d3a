"""``omnibuild lock``."""

from __future__ import annotations

import argparse
import json
import sys

from omnibuild import files, pipeline
from omnibuild.cli.common import settings_from


def run(arguments: argparse.Namespace) -> int:
    """Write the lock that the recipe names."""
    path, text = pipeline.lock(settings_from(arguments), arguments.recipe, arguments.require)
    files.write_atomic(path, text)
    count = text.count("[[packages]]")
    if arguments.json:
        sys.stdout.write(json.dumps({"lock": str(path), "packages": count}) + "\n")
    else:
        sys.stdout.write(f"{path}: {count} packages, pinned by digest\n")
    return 0
