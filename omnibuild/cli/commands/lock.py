"""``omnibuild lock``."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from pathlib import Path

from packaging.pylock import Pylock

from omnibuild.cli.common import reporting, settings_from, unseen
from omnibuild.errors import UsageError
from omnibuild.locking.building import told_of_needs
from omnibuild.locking.lock import Asked, check, lock


def run(arguments: argparse.Namespace) -> int:
    """Write the lock of a recipe, or tell whether it fits."""
    settings = settings_from(arguments)
    if arguments.check:
        if arguments.require or arguments.upgrade:
            raise UsageError("--check changes nothing, so it goes with no other option of lock")
        found = check(settings, arguments.recipe)
        _tell(arguments, Path(found.file), found.content, "fits")
        return 0
    asked = Asked(tuple(arguments.require), tuple(arguments.upgrade))
    with contextlib.nullcontext(unseen) if arguments.json else reporting(arguments) as emit:
        made = lock(settings, arguments.recipe, emit, asked)
    made.write()
    versions = f", versions as in {made.pins.name}" if made.pins else ""
    _tell(arguments, made.path, made.content, f"pinned by digest{versions}")
    return 0


def _tell(arguments: argparse.Namespace, path: Path, lock: Pylock, what: str) -> None:
    count = len(lock.packages)
    if arguments.json:
        sys.stdout.write(json.dumps({"lock": str(path), "packages": count}) + "\n")
    else:
        sys.stdout.write(f"{path}: {count} packages, {what}\n")
        for line in told_of_needs(lock.packages):
            sys.stdout.write(f"{line}\n")
