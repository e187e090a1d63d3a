"""Filling a remote cache with what is here, and the store with what a remote cache has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from omnibuild import events, pipeline
from omnibuild.blueprint.app import AppPlan
from omnibuild.digests import Digest
from omnibuild.errors import UsageError
from omnibuild.events import Emit
from omnibuild.kinds import serials
from omnibuild.plan.graph import Action
from omnibuild.plan.lookup import Lookup
from omnibuild.remote.cache import RemoteCache
from omnibuild.settings import Settings
from omnibuild.store.results import Output, Result
from omnibuild.store.store import Store

TRANSFERS_AT_ONCE = 6


@dataclass(frozen=True)
class Shared:
    """What came of it: objects that are there now, and actions without a result or an object."""

    there: int
    missing: int


@dataclass(frozen=True)
class _Known:
    """An action with a result; ``key`` is empty for what is pinned by its digest alone."""

    action: Action
    key: Digest
    result: Result


def push(settings: Settings, planned: AppPlan, emit: Emit) -> Shared:
    """Put all results of a plan that are in the store into the remote cache, with their objects.

    Who signs vouches for nothing that a remote cache only said.

    Raises :class:`UsageError` when the settings name no remote cache.
    """
    remote = _remote(settings, emit)
    with pipeline.opened_store(settings) as store:
        known = [
            item
            for item in _known(planned, _lookup(store, None))
            if store.take(item.result.output) and not (remote.signs and item.result.believed)
        ]

        def one(item: _Known) -> bool:
            if item.key:
                return remote.push(item.key, item.result, store)
            return remote.push_object(item.result.output, store)

        there = _count(one, known, emit)
    return Shared(there, len(planned.plan) - there)


def pull(settings: Settings, planned: AppPlan, emit: Emit) -> Shared:
    """Bring all objects of a plan that the remote cache has into the store.

    Raises :class:`UsageError` when the settings name no remote cache.
    """
    remote = _remote(settings, emit)
    with pipeline.opened_store(settings) as store:
        known = list(_known(planned, _lookup(store, remote)))

        absent = [item for item in known if not store.take(item.result.output)]

        def one(item: _Known) -> bool:
            def progress(done: int, total: int) -> None:
                emit(events.ActionProgress(item.action.name, done, total))

            return remote.pull(item.result.output, store, progress)

        there = len(known) - len(absent) + _count(one, absent, emit)
    return Shared(there, len(planned.plan) - there)


def _known(planned: AppPlan, lookup: Lookup) -> Iterator[_Known]:
    """Yield every action whose result can be found, in the plan's order."""
    outputs: dict[str, Output] = {}
    for action in planned.plan:
        if any(need not in outputs for need in action.inputs.values()):
            continue
        key = lookup.key(action, outputs) if action.output is None else ""
        result = lookup.local(action, outputs)
        if result is None:
            result = lookup.distant(action, outputs)
            if result is not None:
                lookup.store.record(key, result)
        if result is not None:
            outputs[action.name] = result.output
            yield _Known(action, key, result)


def _count(task: Callable[[_Known], bool], items: Sequence[_Known], emit: Emit) -> int:
    """Do a task for all items, some at once, and tell of each; count the successes."""
    emit(events.PlanReady(tuple(item.action.name for item in items)))

    def told(item: _Known) -> bool:
        action, started = item.action, time.monotonic()
        emit(events.ActionStarted(action.name, action.kind))
        success = task(item)
        seconds = time.monotonic() - started
        emit(events.ActionFinished(action.name, action.kind, True, seconds))
        return success

    with ThreadPoolExecutor(TRANSFERS_AT_ONCE) as pool:
        try:
            return sum(pool.map(told, items))
        except BaseException:
            # Nobody waits for what has not begun.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _lookup(store: Store, remote: RemoteCache | None) -> Lookup:
    return Lookup(store, serials(), remote)


def _remote(settings: Settings, emit: Emit) -> RemoteCache:
    remote = pipeline.opened_remote(settings, emit)
    if remote is None:
        raise UsageError(
            "no remote cache is named", hint="name it with --remote, or set OMNIBUILD_REMOTE"
        )
    return remote
