"""Events as plain lines (for pipes and logs) and as JSON lines (for machines)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TextIO

from omnibuild import events
from omnibuild.errors import printable
from omnibuild.events import Event, human_size


class JsonReport:
    """One JSON object a line for every event, on ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Write the event."""
        document = {"event": type(event).__name__, **asdict(event)}
        self._stream.write(json.dumps(document) + "\n")
        self._stream.flush()


class PlainReport:
    """One line for everything that runs, nothing for what was cached, on ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Write the event's line, if it has one."""
        line = describe(event)
        if line:
            self._stream.write(line + "\n")
            self._stream.flush()


def describe(event: Event) -> str:
    """Return the line that says an event, or nothing; names that others chose are in it."""
    return printable(_described(event))


def _described(event: Event) -> str:
    match event:
        case events.ActionFinished(cached=False):
            return f"done    {event.action}  {event.seconds:.1f} s"
        case events.ActionStarted():
            return f"start   {event.action}"
        case events.ActionFailed():
            return f"failed  {event.action}: {event.message}"
        case events.ArtifactReady():
            return f"wrote   {event.path}  {human_size(event.size)}"
        case events.Warned():
            return f"warning {event.message}"
        case events.Audited():
            return "\n".join(event.lines)
        case events.Finished():
            return f"finished in {event.seconds:.1f} s: {event.ran} run, {event.cached} cached"
        case _:
            return ""
