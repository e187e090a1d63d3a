"""``omnibuild root lock``."""

from __future__ import annotations

import argparse
import json
import sys

from omnibuild import files
from omnibuild.cli.common import settings_from


def run(arguments: argparse.Namespace) -> int:
    """Resolve a root and write its lock below the workspace."""
    from omnibuild.sources.places import Places
    from omnibuild.sources.rootlock import make_lock

    settings = settings_from(arguments)
    lock = make_lock(arguments.suite, arguments.packages, Places().debian_mirrors()[0])
    path = settings.workspace / "roots" / f"{arguments.suite}.lock.json"
    files.write_atomic(path, lock.to_json())
    if arguments.json:
        document = {"lock": str(path), "identity": lock.identity, "packages": len(lock.packages)}
        sys.stdout.write(json.dumps(document) + "\n")
    else:
        sys.stdout.write(f"{path}: {len(lock.packages)} packages, identity {lock.identity}\n")
    return 0
