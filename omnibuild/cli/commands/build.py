"""``omnibuild build``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from omnibuild import pipeline
from omnibuild.cli.common import reporting, settings_from
from omnibuild.errors import StepError, printable
from omnibuild.events import ActionFailed, Emit, Event
from omnibuild.settings import Settings
from omnibuild.store.delivery import BuiltArtifact

QUESTION = "[s]hell in its sandbox, [l]og, [r]etry, [q]uit? "


class _Watcher:
    """Passes events on and remembers which action failed last."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.failed: ActionFailed | None = None

    def __call__(self, event: Event) -> None:
        if isinstance(event, ActionFailed):
            self.failed = event
        self._emit(event)


def run(arguments: argparse.Namespace) -> int:
    """Build, then name the artifacts on standard output."""
    settings = settings_from(arguments)
    while True:
        with reporting(arguments) as emit:
            watcher = _Watcher(emit)
            try:
                artifacts = pipeline.build(
                    settings, arguments.recipe, arguments.platform, arguments.output, watcher
                )
                break
            except StepError as error:
                if arguments.json or not _is_interactive() or watcher.failed is None:
                    raise
                failure, failed = error, watcher.failed
        if not _wants_retry(settings, failure, failed):
            raise failure
    if not arguments.json:
        _name(artifacts)
    return 0


def _name(artifacts: Sequence[BuiltArtifact]) -> None:
    for artifact in artifacts:
        sys.stdout.write(f"{artifact.path}  ({', '.join(artifact.platforms)})\n")


def _is_interactive() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _wants_retry(settings: Settings, error: StepError, failed: ActionFailed) -> bool:
    """Let the user look at a failed step; tell whether to build again."""
    # Imported here: a build that does not fail need not load what compiles.
    from omnibuild.workbench import examine

    sys.stderr.write(f"{error}\n")
    while True:
        sys.stderr.write(f"{failed.action}: {QUESTION}")
        sys.stderr.flush()
        match sys.stdin.readline().strip().lower()[:1]:
            case "s":
                with examine.shell(settings, failed.action, "", lambda _: None) as entered:
                    entered.enter()
            case "l":
                with open(failed.log, encoding="utf-8", errors="replace") as log:
                    sys.stderr.write(printable(log.read()))
            case "r":
                return True
            case _:
                return False
