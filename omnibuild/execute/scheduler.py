"""Doing a plan: what is in the store is taken, the rest runs, everything independent side by side.

One loop starts what is ready and takes note of what ends. Fetching and the remote cache have
threads of their own, so that the network and the compilers are busy at the same time; whatever
computes needs a token of the jobserver.
"""

from __future__ import annotations

import contextlib
import sysconfig
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from omnibuild import events
from omnibuild.errors import DamageError, OmnibuildError
from omnibuild.events import Emit
from omnibuild.execute.board import Board, OutputChanged, Task
from omnibuild.execute.estimates import path_lengths
from omnibuild.execute.job import Kind
from omnibuild.execute.jobserver import INTERVAL, JobServer
from omnibuild.execute.kept import forget_failed
from omnibuild.execute.processes import Processes
from omnibuild.execute.sandbox.bubblewrap import Bubblewrap
from omnibuild.execute.sandbox.step import Sandbox
from omnibuild.execute.worker import DamagedInputs, Worker
from omnibuild.plan.graph import Action, Limits, Plan
from omnibuild.plan.lookup import Lookup
from omnibuild.store.check import Checker
from omnibuild.store.history import LastRun
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store

if TYPE_CHECKING:
    from omnibuild.remote.cache import RemoteCache

# What is damaged again and again as soon as it is made: a disk that is beyond healing.
MOST_HEALINGS = 2

TRANSFERS_AT_ONCE = 6

# An action that makes other bytes than its record says changes keys after it: everything is
# decided anew, which ends as soon as the actions agree with their records.
DECISIONS_AT_MOST = 10


@dataclass
class Execution:
    """One run of a plan.

    Args:
        plan: what to do.
        kinds: the function of every kind of action.
        store: where results are.
        emit: takes the events.
        cores: processes to keep busy; that many actions run side by side at most.
        goals: actions whose objects must be in the store in the end; all when omitted.
        remote: the remote cache, or none.
        sandbox: isolates steps.
        limits: what a step may take whose action says nothing else.
        keep_going: after a failure go on with all that does not depend on it.
    """

    plan: Plan
    kinds: Mapping[str, Kind]
    store: Store
    emit: Emit
    cores: int
    goals: Collection[str] | None = None
    remote: RemoteCache | None = None
    sandbox: Sandbox = field(default_factory=Bubblewrap)
    limits: Limits = field(default_factory=Limits)
    keep_going: bool = False
    processes: Processes = field(default_factory=Processes)

    def run(self) -> Mapping[str, Output]:
        """Do the whole plan and return every action's output by name.

        Raises the :class:`OmnibuildError` of the action that failed first. What runs then is
        finished and kept.
        """
        started = time.monotonic()
        self.emit(events.PlanReady(tuple(self.plan.actions)))
        for _ in range(DECISIONS_AT_MOST):
            with contextlib.suppress(OutputChanged):
                loop = _Loop(self)
                loop.run()
                seconds = time.monotonic() - started
                self.emit(events.Finished(loop.ran, len(self.plan) - loop.ran, seconds))
                return loop.board.outputs
        raise OmnibuildError(
            "actions keep making other bytes than their records say",
            hint="find out which with: omnibuild artifact rebuild",
        )


class _Loop:
    """One attempt to do all of a plan."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._plan = execution.plan
        serials = {name: kind.serial for name, kind in execution.kinds.items()}
        self._lookup = Lookup(execution.store, serials, execution.remote)
        goals = execution.plan.actions if execution.goals is None else execution.goals
        self.board = Board(execution.plan, self._lookup, goals, self._hit)
        self._priority: Mapping[str, float] = {}
        self._jobserver = JobServer(execution.cores)
        self._running: dict[Future[Any], Callable[[Any], None]] = {}
        self._computing: set[Future[Any]] = set()
        self._failures: list[BaseException] = []
        # How often what was made again was damaged again.
        self._healed: Counter[str] = Counter()
        self._unpushed: list[tuple[Action, Result]] = []
        self.ran = 0
        self._worker = Worker(
            kinds=execution.kinds,
            lookup=self._lookup,
            emit=execution.emit,
            cores=execution.cores,
            sandbox=execution.sandbox,
            processes=execution.processes,
            jobserver=self._jobserver,
            limits=execution.limits,
            checker=Checker(execution.store, execution.cores),
        )

    def run(self) -> None:
        """Start what is ready until nothing is left to do."""
        self.board.begin()
        if not self.board.todo and not self._unpushed:
            return
        self._priority = path_lengths(self._plan, self._execution.store)
        with self._pools() as (transfers, computers), self._jobserver:
            while True:
                starved = self._start(transfers, computers)
                if not self._running:
                    break
                patience = INTERVAL if starved else None
                ended, _ = wait(self._running, patience, return_when=FIRST_COMPLETED)
                for future in ended:
                    self._end(future)
        self._raise_failures()

    @contextlib.contextmanager
    def _pools(self) -> Iterator[tuple[ThreadPoolExecutor, ThreadPoolExecutor]]:
        # Whichever thread asks first fills it in, and others see it half full meanwhile.
        sysconfig.get_config_vars()
        transfers = ThreadPoolExecutor(TRANSFERS_AT_ONCE, "transfer")
        computers = ThreadPoolExecutor(self._execution.cores, "action")
        with transfers, computers:
            try:
                yield transfers, computers
            except OutputChanged:
                # What runs is finished and kept; then everything is decided anew.
                for pool in (transfers, computers):
                    pool.shutdown(wait=True, cancel_futures=True)
                raise
            except BaseException:
                self._execution.processes.cancel()
                for pool in (transfers, computers):
                    pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _start(self, transfers: ThreadPoolExecutor, computers: ThreadPoolExecutor) -> bool:
        """Start what can be started; tell whether something waits for nothing but a token."""
        for action, result in self._unpushed:
            pushed = transfers.submit(self._worker.push, action, self.board.outputs, result)
            self._running[pushed] = lambda _: None
        self._unpushed.clear()
        if self._failures and not self._execution.keep_going:
            return False
        ready = [name for name in self.board.todo if self.board.ready(name)]
        ready.sort(key=lambda name: -self._priority[name])
        waiting = [name for name in ready if self._computes(name)]
        for name in ready:
            if not self._computes(name):
                self._submit(transfers, name)
        if not waiting:
            return False
        tokens = self._jobserver.acquire([self._priority[name] for name in waiting])
        for name in waiting[:tokens]:
            self._computing.add(self._submit(computers, name))
        return tokens < len(waiting)

    def _computes(self, name: str) -> bool:
        kind = self._execution.kinds[self._plan.actions[name].kind]
        return self.board.todo[name] is Task.RUN and not kind.network

    def _submit(self, pool: ThreadPoolExecutor, name: str) -> Future[Any]:
        action, outputs = self._plan.actions[name], self.board.outputs
        future: Future[Any]
        match self.board.todo.pop(name):
            case Task.LOOK:
                future = pool.submit(self._worker.look, action, outputs)
                self._running[future] = lambda result: self.board.looked(name, result)
            case Task.PULL:
                future = pool.submit(self._worker.pull, action, outputs[name])
                self._running[future] = lambda success: self.board.pulled(name, success)
            case Task.RUN:
                future = pool.submit(self._worker.run, action, outputs, self._priority[name])
                self._running[future] = lambda result: self._ran(action, result)
        return future

    def _ran(self, action: Action, result: Result) -> None:
        self.ran += 1
        self.board.done(action.name, result.output)
        self._push_later(action, result)

    def _push_later(self, action: Action, result: Result) -> None:
        if self._execution.remote is not None and self._execution.remote.writable:
            self._unpushed.append((action, result))

    def _end(self, future: Future[Any]) -> None:
        take_note = self._running.pop(future)
        if future in self._computing:
            self._computing.discard(future)
            self._jobserver.release()
        failure = future.exception()
        if failure is None:
            take_note(future.result())
        elif isinstance(failure, DamagedInputs):
            self._refuse_endless(failure)
            self.board.lost(failure.action, failure.needs)
        elif isinstance(failure, OmnibuildError):
            self._failures.append(failure)
        else:
            raise failure

    def _refuse_endless(self, damage: DamagedInputs) -> None:
        """Raise :class:`DamageError` for what is damaged again just after it was made."""
        # Others that needed the same may tell of it while it is being made again.
        self._healed.update(name for name in damage.needs if name in self.board.here)
        again = [name for name in damage.needs if self._healed[name] > MOST_HEALINGS]
        if again:
            raise DamageError(
                f"what {again[0]} makes is damaged as soon as it is in the store",
                hint="look for errors of the disk in the kernel's log: dmesg",
            )

    def _raise_failures(self) -> None:
        if not self._failures:
            return
        first, *others = self._failures
        if isinstance(first, OmnibuildError) and others:
            # As two platforms with the same fault.
            said = [text for text in dict.fromkeys(map(str, others)) if text != str(first)]
            first.why += "".join(f"\nalso failed: {text}" for text in said)
        raise first

    def _hit(self, action: Action, result: Result) -> None:
        """Take note that a result was found here."""
        self._push_later(action, result)
        self._execution.emit(events.ActionFinished(action.name, action.kind, True, 0.0))
        if action.output is not None or self._execution.store.read_only:
            return
        history = self._execution.store.history
        key, last = self._lookup.key(action, self.board.outputs), history.last(action.name)
        if last is None or last.key != key:
            document = self._lookup.document(action, self.board.outputs)
            note = LastRun(key, result.seconds, time.time(), {}, result.log)
            history.remember(action.name, note, document)
        forget_failed(self._execution.store, action.name)
