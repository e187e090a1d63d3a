"""``omnibuild shell``."""

from __future__ import annotations

import argparse
import contextlib
import sys

from omnibuild.cli.common import reporting, settings_from
from omnibuild.workbench import examine


def run(arguments: argparse.Namespace) -> int:
    """Give the user a shell where a component is built; return the shell's status."""
    settings = settings_from(arguments)
    with contextlib.ExitStack() as stack:
        with reporting(arguments) as emit:
            shell = examine.shell(settings, arguments.component, arguments.recipe, emit)
            entered = stack.enter_context(shell)
        # The terminal is the shell's from here on: nothing else is drawn.
        state = "as it failed" if entered.kept else "before its first step"
        patches = ", before them patch -p1 takes /build/*.patch" if entered.patched else ""
        sys.stderr.write(
            f"{entered.action}, {state}: the steps are /build/step-*.sh{patches},"
            f" $PREFIX is {entered.prefix}; `exit` leaves\n"
        )
        return entered.enter()
