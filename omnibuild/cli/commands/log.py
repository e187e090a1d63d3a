"""``omnibuild log``."""

from __future__ import annotations

import argparse
import json
import sys

from omnibuild.cli.common import settings_from
from omnibuild.errors import UsageError, printable
from omnibuild.store.store import Store


def run(arguments: argparse.Namespace) -> int:
    """Print the newest log of an action."""
    path = Store(settings_from(arguments).cache).latest_log(arguments.component)
    if path is None:
        raise UsageError(
            f"there is no log of {arguments.component!r}",
            hint="only steps leave logs: components, wheels and roots that were built here",
        )
    if arguments.json:
        sys.stdout.write(json.dumps({"log": str(path)}) + "\n")
    elif text := path.read_text("utf-8", "replace"):
        sys.stdout.write(printable(text))
    else:
        sys.stderr.write(f"what {arguments.component} did printed nothing: {path}\n")
    return 0
