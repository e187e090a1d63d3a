"""Events as plain lines (for pipes and logs) and as JSON lines (for machines)."""

from __future__ import annotations

import threading
import time
from typing import TextIO

import msgspec

from omnibuild import events
from omnibuild.errors import printable
from omnibuild.events import Event, human_size

# Seconds: what takes less than the first is only counted, what takes more than the second is named
# before it ends.
BRIEF, PATIENCE = 1.0, 5.0


class JsonReport:
    """One JSON object a line for every event, on ``stream``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Write the event."""
        # Nearly always there are lines instead.
        import json

        document = {"event": type(event).__name__, **msgspec.structs.asdict(event)}
        self._stream.write(json.dumps(document) + "\n")
        self._stream.flush()


class PlainReport:
    """One line for everything that takes time, nothing for what was cached.

    The line comes when something ends, and one before it while it runs for long: use the report as
    a context manager around the work.

    Args:
        stream: takes the lines.
        patience: seconds after which something that runs is named.
    """

    def __init__(self, stream: TextIO, patience: float = PATIENCE) -> None:
        self._stream, self._patience = stream, patience
        self._lock = threading.Lock()
        self._unnamed: dict[str, float] = {}
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PlainReport:
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._watcher.join()

    def __call__(self, event: Event) -> None:
        """Take an event from any thread, and write its line, if it has one."""
        with self._lock:
            match event:
                case events.ActionStarted():
                    self._unnamed[event.action] = time.monotonic()
                case events.ActionFinished() | events.ActionFailed():
                    self._unnamed.pop(event.action, None)
                case _:
                    pass
            if line := describe(event):
                self._write(line)

    def _watch(self) -> None:
        while not self._ended.wait(self._patience / 5):
            with self._lock:
                due = time.monotonic() - self._patience
                for name in [name for name, since in self._unnamed.items() if since <= due]:
                    del self._unnamed[name]
                    self._write(printable(f"start   {name}"))

    def _write(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def describe(event: Event) -> str:
    """Return the line that says an event, or nothing; names that others chose are in it."""
    return printable(_described(event))


def _described(event: Event) -> str:
    match event:
        case events.ActionFinished(cached=False) if event.seconds >= BRIEF:
            return f"done    {event.action}  {event.seconds:.1f} s"
        case events.ActionFailed():
            return f"failed  {event.action}: {event.message}"
        case events.ArtifactReady():
            return f"wrote   {event.path}  {human_size(event.size)}"
        case events.ArtifactAdded():
            return f"added   {event.path}  {human_size(event.size)}"
        case events.Warned():
            return f"warning {event.message}"
        case events.Audited():
            return "\n".join(event.lines)
        case events.Finished():
            return f"finished in {event.seconds:.1f} s: {event.ran} run, {event.cached} cached"
        case _:
            return ""
