"""The app, as mod_wsgi loads it: once in each of its processes, which then say so.

This module is a program of hosts: it is installed in ``libexec``, and httpd's configuration names
it. ``start_apache.py`` listens to what it says.
"""

from __future__ import annotations

import os
import pkgutil
import sys

READY, FAILED = b"+", b"-"


def load(name: str) -> object:
    """Return the app of a name as recipes have it."""
    found = pkgutil.resolve_name(name.removesuffix("()"))
    return found() if name.endswith("()") else found


# Who starts the interpreter again shall find it: this process is another program.
sys.executable = os.environ["HTTPD_PYTHON"]
said = FAILED
try:
    application = load(os.environ["HTTPD_APP"])
    said = READY
finally:
    os.write(int(os.environ["HTTPD_READY"]), said)
