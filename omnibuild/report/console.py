"""Live progress on a terminal: what runs and for how long, how much is done, what is next."""

from __future__ import annotations

import threading
import time

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from omnibuild import events
from omnibuild.events import Event, human_size
from omnibuild.report.plain import describe

SHOWN_NEXT = 3


class LiveReport:
    """A few lines that change while actions run, above them one for each that took its time.

    Use it as a context manager around the work.
    """

    def __init__(self, console: Console) -> None:
        self._live = Live(self, console=console, refresh_per_second=8, transient=True)
        self._lock = threading.Lock()
        self._started: dict[str, float] = {}
        self._bytes: dict[str, tuple[int, int]] = {}
        self._waiting: dict[str, None] = {}
        self._total = 0
        self._done = 0

    def __enter__(self) -> LiveReport:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take an event from any thread."""
        with self._lock:
            self._update(event)
        line = describe(event)
        if line:
            self._live.console.print(Text(line), highlight=False)

    def _update(self, event: Event) -> None:
        match event:
            case events.PlanReady():
                self._waiting = dict.fromkeys(event.actions)
                self._total = len(event.actions)
            case events.ActionStarted():
                self._started[event.action] = time.monotonic()
                self._waiting.pop(event.action, None)
            case events.ActionProgress():
                self._bytes[event.action] = (event.done, event.total)
            case events.ActionFinished() | events.ActionFailed():
                self._started.pop(event.action, None)
                self._bytes.pop(event.action, None)
                self._waiting.pop(event.action, None)
                self._done += 1
            case _:
                pass

    def __rich__(self) -> RenderableType:
        with self._lock:
            now = time.monotonic()
            lines = [
                Text(f"  {name}  {now - started:5.1f} s{self._amount(name)}", style="cyan")
                for name, started in self._started.items()
            ]
            following = list(self._waiting)[:SHOWN_NEXT]
            summary = f"{self._done} of {self._total} done"
            if following:
                summary += f"; next: {', '.join(following)}"
            # Work that is no plan has nothing to count.
            return Group(*lines, Text(summary, style="dim")) if self._total else Group(*lines)

    def _amount(self, name: str) -> str:
        done, total = self._bytes.get(name, (0, 0))
        if not done:
            return ""
        return f"  {human_size(done)}" + (f" of {human_size(total)}" if total else "")
