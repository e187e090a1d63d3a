"""``omnibuild cache``: list, gc, verify, push and pull."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from omnibuild import events
from omnibuild.cli.common import reporting, settings_from
from omnibuild.events import Emit, human_size
from omnibuild.settings import Settings
from omnibuild.store.collect import DEFAULT_AGE, Limits, collect
from omnibuild.store.inventory import Held, take_inventory
from omnibuild.store.ownership import foreign_files_explained
from omnibuild.store.store import Store
from omnibuild.store.verify import Verified, verify

EXIT_DAMAGED = 1
ACTION = "cache verify"
# Who waits longer than this wants to see how far it is, in seconds; and how often, in seconds.
QUIET, INTERVAL = 1.0, 0.2


def run(arguments: argparse.Namespace) -> int:
    """Do what the action's word says."""
    settings = settings_from(arguments)
    if arguments.action in ("push", "pull"):
        return _share(settings, arguments)
    with foreign_files_explained(settings.cache):
        store = Store(settings.cache)
        if arguments.action == "list":
            return _list(store, as_json=arguments.json)
        if arguments.action == "gc":
            return _collect(store, arguments)
        return _verify(store, settings, arguments)


def _list(store: Store, *, as_json: bool) -> int:
    inventory = take_inventory(store)
    held = {kind: inventory.of(kind) for kind in Held}
    rows = {
        kind.value: {"count": len(items), "bytes": inventory.size(items)}
        for kind, items in held.items()
    }
    total = inventory.size(inventory.items)
    if as_json:
        _write_json({"store": str(store.root), "bytes": total, "held": rows})
        return 0
    for name, row in rows.items():
        if row["count"]:
            sys.stdout.write(f"{name:<21}{row['count']:>8}  {human_size(row['bytes']):>9}\n")
    sys.stdout.write(f"{'on disk':<29}  {human_size(total):>9}  {store.root}\n")
    return 0


def _collect(store: Store, arguments: argparse.Namespace) -> int:
    age = arguments.older_than
    if age is None and arguments.max_size is None:
        age = DEFAULT_AGE
    done = collect(store, Limits(arguments.max_size, age), dry_run=arguments.dry_run)
    removed = {kind.value: count for kind, count in done.removed.items()}
    if arguments.json:
        _write_json(
            {
                "removed": removed,
                "freed": done.freed,
                "kept": done.kept,
                "in_use": done.in_use,
                "dry_run": arguments.dry_run,
            }
        )
        return 0
    what = ", ".join(f"{count} {name}" for name, count in removed.items()) or "nothing"
    would = "would remove" if arguments.dry_run else "removed"
    sys.stdout.write(f"{would} {what}: {human_size(done.freed)}; {human_size(done.kept)} stay\n")
    if done.in_use:
        sys.stdout.write(f"{done.in_use} objects stay because a running command may use them\n")
    return 0


def _verify(store: Store, settings: Settings, arguments: argparse.Namespace) -> int:
    with reporting(arguments) as emit:
        progress = _Progress(emit)
        done = verify(store, settings.cores, progress)
        progress.finish()
    if arguments.json:
        _write_json(_verified_data(done))
    else:
        sys.stdout.write(_verified_text(done))
    return EXIT_DAMAGED if done.damaged else 0


class _Progress:
    """Tells how far a verification is, once it takes long."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._started = time.monotonic()
        self._next = self._started + QUIET
        self._shown = False

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + INTERVAL
        if not self._shown:
            self._emit(events.PlanReady((ACTION,)))
            self._emit(events.ActionStarted(ACTION, "verify"))
            self._shown = True
        self._emit(events.ActionProgress(ACTION, done, total))

    def finish(self) -> None:
        """Tell the end, if the beginning was told."""
        if self._shown:
            seconds = time.monotonic() - self._started
            self._emit(events.ActionFinished(ACTION, "verify", False, seconds))


def _verified_data(done: Verified) -> dict[str, Any]:
    return {
        "objects": done.objects,
        "bytes": done.size,
        "damaged": [
            {"kind": d.item.held.value, "path": str(d.item.path), "why": d.why}
            for d in done.damaged
        ],
        "forgotten": list(done.forgotten),
    }


def _verified_text(done: Verified) -> str:
    lines = [f"damaged, removed: {d.item.path}\n  {d.why}" for d in done.damaged]
    if done.forgotten:
        lines.append(f"{len(done.forgotten)} results were made from that: forgotten, too")
    read = f"{done.objects} objects read, {human_size(done.size)}: "
    if not done.damaged:
        return f"{read}nothing is damaged\n"
    lines.append(f"{read}{len(done.damaged)} damaged; the next build makes again what it needs")
    return "\n".join(lines) + "\n"


def _write_json(document: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")


def _share(settings: Settings, arguments: argparse.Namespace) -> int:
    """Exchange all that belongs to a recipe with the remote cache."""
    from omnibuild import pipeline
    from omnibuild.workbench import share

    planned = pipeline.plan(settings, arguments.recipe, arguments.platform)
    exchange = {"push": share.push, "pull": share.pull}[arguments.action]
    with reporting(arguments) as emit:
        shared = exchange(settings, planned, emit)
    if arguments.json:
        _write_json({"there": shared.there, "missing": shared.missing})
    else:
        where = "in the remote cache" if arguments.action == "push" else "here"
        sys.stdout.write(f"{shared.there} objects are {where}, {shared.missing} are not\n")
    return 0
