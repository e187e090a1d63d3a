"""Is the index there? Asked while uv asks it for packages, who would try a dead one for long."""

from __future__ import annotations

import threading
from collections.abc import Collection
from concurrent.futures import Future, ThreadPoolExecutor

from omnibuild.errors import SourceError
from omnibuild.sources.python.index import unreachable
from omnibuild.sources.python.indexes import Indexes
from omnibuild.sources.python.machine import Machine
from omnibuild.sources.python.simple import page_of
from omnibuild.transfer.http import Downloader


class Reaching:
    """Asks the first index once, beside whatever else is done; threads may share one.

    Args:
        indexes: those of a project, on this machine.
        machine: what this machine names.
        downloader: asks.
    """

    def __init__(self, indexes: Indexes, machine: Machine, downloader: Downloader) -> None:
        self._indexes, self._machine, self._downloader = indexes, machine, downloader
        self._lock = threading.Lock()
        self._answer: Future[None] | None = None

    def start(self, asked: Collection[str]) -> None:
        """Begin to ask for one of some packages, unless that was done before."""
        unpinned = next((name for name in asked if name not in self._indexes.pinned), None)
        with self._lock:
            first = self._indexes.ordered[0].url
            if self._answer or unpinned is None or first.startswith("file:"):
                return
            pool = ThreadPoolExecutor(max_workers=1)
            self._answer = pool.submit(self._downloader.reach, page_of(first, unpinned))
            pool.shutdown(wait=False)

    def failed(self) -> bool:
        """Tell whether it is known by now that nobody answers."""
        answer = self._answer
        return answer is not None and answer.done() and answer.exception() is not None

    def check(self) -> None:
        """Raise :class:`SourceError` when nobody answers, once that is known."""
        if self._answer is None:
            return
        try:
            self._answer.result()
        except SourceError as error:
            first = self._indexes.ordered[0]
            raise unreachable(first.url, self._origin(), error) from error

    def _origin(self) -> str:
        first = self._indexes.ordered[0]
        if first.url == self._indexes.machine:
            return self._machine.origin
        if first.url in {each.url for each in self._machine.more}:
            return "the environment or settings of this machine"
        return f"the project, which calls it {first.name!r}" if first.name else "the project"
