"""Doing a plan: what is in the store is taken, the rest runs, independent actions side by side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from omnibuild import events
from omnibuild.errors import OmnibuildError
from omnibuild.events import Emit
from omnibuild.execute.job import Job, Kind
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox.bubblewrap import Bubblewrap
from omnibuild.execute.sandbox.step import Sandbox
from omnibuild.plan.graph import Action, Plan
from omnibuild.plan.keys import key, key_document
from omnibuild.store.history import LastRun
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store

FETCHES_AT_ONCE = 6

# A rough guess for what was never built here: big sources take long, so they start early.
SECONDS_PER_MEGABYTE = 4.0


@dataclass
class Execution:
    """One run of a plan.

    Args:
        plan: what to do.
        kinds: the function of every kind of action.
        store: where results are.
        emit: takes the events.
        cores: processes to keep busy; that many actions run side by side at most.
    """

    plan: Plan
    kinds: Mapping[str, Kind]
    store: Store
    emit: Emit
    cores: int
    sandbox: Sandbox = field(default_factory=Bubblewrap)
    processes: Processes = field(default_factory=Processes)
    outputs: dict[str, Output] = field(default_factory=dict)
    ran: int = 0
    cached: int = 0

    def run(self) -> Mapping[str, Output]:
        """Do the whole plan and return every action's output by name.

        After the first failure nothing new is started; what runs is finished and kept.
        Raises the :class:`OmnibuildError` of the action that failed first.
        """
        started = time.monotonic()
        self.emit(events.PlanReady(tuple(self.plan.actions)))
        fetching = [a for a in self.plan if self.kinds[a.kind].network]
        building = [a for a in self.plan if not self.kinds[a.kind].network]
        self._run_phase(fetching, FETCHES_AT_ONCE)
        self._run_phase(building, self.cores)
        self.emit(events.Finished(self.ran, self.cached, time.monotonic() - started))
        return self.outputs

    def _run_phase(self, actions: Iterable[Action], workers: int) -> None:
        waiting = {action.name: action for action in actions}
        priority = self._path_lengths()
        running: dict[Future[None], str] = {}
        failure: BaseException | None = None
        with ThreadPoolExecutor(workers) as pool:
            try:
                while running or (waiting and failure is None):
                    if failure is None:
                        for action in self._ready(waiting, priority, workers - len(running)):
                            del waiting[action.name]
                            running[pool.submit(self._do, action)] = action.name
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        del running[future]
                        failure = failure or future.exception()
            except KeyboardInterrupt:
                self.processes.cancel()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        if failure is not None:
            raise failure

    def _ready(
        self, waiting: dict[str, Action], priority: Mapping[str, float], places: int
    ) -> list[Action]:
        """Return the next actions to start, longest remaining path first.

        Those that are in the store already are taken at once and wake up others.
        """
        while True:
            ready = [a for a in waiting.values() if all(n in self.outputs for n in a.needs)]
            taken = [action for action in ready if self._take(action)]
            if not taken:
                break
            for action in taken:
                del waiting[action.name]
        return sorted(ready, key=lambda action: -priority[action.name])[:places]

    def _take(self, action: Action) -> bool:
        """Use the stored result if there is one."""
        output = self._stored(action)
        if output is None:
            return False
        self.outputs[action.name] = output
        self.cached += 1
        self.emit(events.ActionFinished(action.name, action.kind, True, 0.0))
        return True

    def _stored(self, action: Action) -> Output | None:
        if action.output is not None:
            return action.output if self.store.has(action.output) else None
        result = self.store.result(key(self._document(action)))
        return result.output if result and self.store.has(result.output) else None

    def _document(self, action: Action) -> dict[str, object]:
        return key_document(action, self.kinds[action.kind].serial, self.outputs)

    def _do(self, action: Action) -> None:
        """Run one action (in a worker thread) and record its result."""
        document = self._document(action)
        digest = key(document)
        log = self.store.log(action.name, digest)
        with self.store.lock(f"action-{digest[:16]}"):
            # Another process may have done it while this one waited for the lock.
            if self._take(action):
                return
            self.emit(events.ActionStarted(action.name, action.kind))
            started = time.monotonic()
            try:
                output = self._run_kind(action, log)
            except OmnibuildError as error:
                shown = str(log) if log.exists() else ""
                self.emit(
                    events.ActionFailed(action.name, action.kind, error.code, error.what, shown)
                )
                raise
            seconds = time.monotonic() - started
            if action.output is None:
                name = log.name if log.exists() else ""
                self.store.record(digest, Result(output, seconds, log=name))
                last = LastRun(digest, seconds, time.time(), {}, name)
                self.store.history.remember(action.name, last, document)
        self.outputs[action.name] = output
        self.ran += 1
        self.emit(events.ActionFinished(action.name, action.kind, False, seconds))

    def _run_kind(self, action: Action, log: Path) -> Output:
        with self.store.scratch() as scratch:
            job = Job(
                action=action,
                inputs={role: self.outputs[name] for role, name in action.inputs.items()},
                store=self.store,
                scratch=scratch,
                log=log,
                cores=self.cores,
                processes=self.processes,
                sandbox=self.sandbox,
                progress=self._progress(action.name),
            )
            return self.kinds[action.kind].run(job)

    def _progress(self, name: str) -> Callable[[int, int], None]:
        def report(done: int, total: int) -> None:
            # A download has no process that could be killed: it ends at its next progress.
            if self.processes.cancelled:
                raise KeyboardInterrupt
            self.emit(events.ActionProgress(name, done, total))

        return report

    def _path_lengths(self) -> Mapping[str, float]:
        """Return for each action the seconds of the longest chain that starts with it."""
        lengths: dict[str, float] = {}
        for action in reversed(list(self.plan)):
            longest = max((lengths[n] for n in self.plan.dependents[action.name]), default=0.0)
            lengths[action.name] = longest + self._expected_seconds(action)
        return lengths

    def _expected_seconds(self, action: Action) -> float:
        """Return how long the action took the last time; else guess by the size of its files."""
        last = self.store.history.last(action.name)
        if last is not None:
            return last.seconds
        sources = [self.plan.actions[name].output for name in action.inputs.values()]
        blobs = [self.store.blob(o.digest) for o in sources if o and o.kind == "blob"]
        megabytes = sum(path.stat().st_size for path in blobs if path.exists()) / 1e6
        return 1.0 + SECONDS_PER_MEGABYTE * megabytes
