"""Doing one action: under its lock, in scratch, its result recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from omnibuild import events
from omnibuild.errors import OmnibuildError
from omnibuild.events import Emit
from omnibuild.execute.job import Job, Kind
from omnibuild.execute.jobserver import JobServer
from omnibuild.execute.kept import forget_failed, keep_failed
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox.step import Sandbox
from omnibuild.plan.graph import Action, Limits
from omnibuild.plan.keys import key
from omnibuild.plan.lookup import Lookup
from omnibuild.plan.reasons import reason
from omnibuild.store.check import Checker
from omnibuild.store.history import LastRun
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store

if TYPE_CHECKING:
    from omnibuild.remote.cache import RemoteCache


class DamagedInputs(Exception):  # noqa: N818 - it never leaves the room
    """Objects that an action needs were damaged in the store, and were taken out of it.

    Args:
        action: the name of the action, which did not run.
        needs: names of the actions that make them.
    """

    def __init__(self, action: str, needs: Sequence[str]) -> None:
        super().__init__(action, needs)
        self.action, self.needs = action, needs


@dataclass(frozen=True)
class Worker:
    """Does actions; any number of threads may share one.

    Args:
        kinds: the function of every kind of action.
        lookup: finds results.
        emit: takes the events.
        cores: processes that all steps together keep busy.
        sandbox: isolates steps.
        processes: registers what is started.
        jobserver: shares the cores among steps.
        limits: what a step may take whose action says nothing else.
        checker: tells what is damaged in the store.
    """

    kinds: Mapping[str, Kind]
    lookup: Lookup
    emit: Emit
    cores: int
    sandbox: Sandbox
    processes: Processes
    jobserver: JobServer
    limits: Limits
    checker: Checker

    @property
    def store(self) -> Store:
        """The store that everything goes to."""
        return self.lookup.store

    @property
    def _remote(self) -> RemoteCache | None:
        return self.lookup.remote

    def run(self, action: Action, outputs: Mapping[str, Output], priority: float) -> Result:
        """Do an action whose inputs are all here, unless another process did it meanwhile.

        Raises :class:`DamagedInputs`: whatever goes into new content is read and compared before.
        """
        document = self.lookup.document(action, outputs)
        digest = key(document)
        with self.store.lock(f"action-{digest[:16]}"):
            found = self.lookup.local(action, outputs)
            if found is not None and self.store.take(found.output):
                self.emit(events.ActionFinished(action.name, action.kind, True, 0.0))
                return found
            self.emit(events.ActionStarted(action.name, action.kind))
            started = time.monotonic()
            if action.output is not None and self._pulled(action, action.output):
                result = Result(action.output)
            else:
                self._check_inputs(action, outputs)
                log = self.store.log(action.name, digest)
                result = self._run_kind(action, outputs, log, priority)
            if action.output is None:
                old = self.store.history.last_document(action.name)
                why = reason(old, document).to_data()
                last = LastRun(digest, result.seconds, time.time(), why, result.log)
                self.store.record(digest, result)
                self.store.history.remember(action.name, last, document)
                forget_failed(self.store, action.name)
        seconds = time.monotonic() - started
        self.emit(events.ActionFinished(action.name, action.kind, False, seconds))
        return result

    def _check_inputs(self, action: Action, outputs: Mapping[str, Output]) -> None:
        damaged = []
        for name in action.needs:
            if why := self.checker.fault(outputs[name]):
                digest = outputs[name].digest[:12]
                self.emit(
                    events.Warned(
                        f"what {name} made ({digest}) was damaged in the store and is made again:"
                        f" {why}"
                    )
                )
                self.store.remove(outputs[name])
                damaged.append(name)
        if damaged:
            raise DamagedInputs(action.name, damaged)

    def look(self, action: Action, outputs: Mapping[str, Output]) -> Result | None:
        """Ask the remote cache for a result, and keep the answer."""
        result = self.lookup.distant(action, outputs)
        if result is not None:
            self.store.record(self.lookup.key(action, outputs), result)
        return result

    def pull(self, action: Action, output: Output) -> bool:
        """Bring an action's object from the remote cache."""
        with self.store.lock(f"object-{output.digest[:16]}"):
            if self.store.take(output):
                return True
            self.emit(events.ActionStarted(action.name, action.kind))
            started = time.monotonic()
            pulled = self._pulled(action, output)
        if pulled:
            seconds = time.monotonic() - started
            self.emit(events.ActionFinished(action.name, action.kind, True, seconds))
        return pulled

    def push(self, action: Action, outputs: Mapping[str, Output], result: Result) -> None:
        """Give a result and its object to the remote cache, if this builder may write there."""
        if self._remote is None or not self._remote.writable:
            return
        if action.output is not None:
            self._remote.push_object(action.output, self.store)
        else:
            self._remote.push(self.lookup.key(action, outputs), result, self.store)

    def _pulled(self, action: Action, output: Output) -> bool:
        if self._remote is None:
            return False
        return self._remote.pull(output, self.store, self._progress(action.name))

    def _run_kind(
        self, action: Action, outputs: Mapping[str, Output], log: Path, priority: float
    ) -> Result:
        started = time.monotonic()
        with self.store.scratch() as scratch:
            job = Job(
                action=action,
                inputs={role: outputs[name] for role, name in action.inputs.items()},
                store=self.store,
                scratch=scratch,
                log=log,
                cores=self.cores,
                processes=self.processes,
                progress=self._progress(action.name),
                sandbox=self.sandbox,
                jobserver=self.jobserver,
                priority=priority,
                limits=action.limits.over(self.limits),
            )
            try:
                output = self.kinds[action.kind].run(job)
            except OmnibuildError as error:
                if self.processes.cancelled:
                    # It did not fail: it was ended, which is told once.
                    raise KeyboardInterrupt from None
                if job.step is not None:
                    keep_failed(self.store, action.name, scratch, job.step)
                shown = str(log) if log.exists() else ""
                self.emit(
                    events.ActionFailed(action.name, action.kind, error.code, error.what, shown)
                )
                raise
        name = log.name if log.exists() else ""
        seconds = time.monotonic() - started
        return Result(output, seconds, job.usage.cpu, job.usage.memory, name)

    def _progress(self, name: str) -> Callable[[int, int], None]:
        def report(done: int, total: int) -> None:
            # A download has no process that could be killed: it ends at its next progress.
            if self.processes.cancelled:
                raise KeyboardInterrupt
            self.emit(events.ActionProgress(name, done, total))

        return report
