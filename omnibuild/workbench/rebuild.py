"""Building again elsewhere, and comparing byte for byte.

A second store starts with the sources and the root alone. A second process, in which everything
that must not matter is different, builds there; then every output is compared by its digest.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from omnibuild import pipeline
from omnibuild.blueprint.app import AppPlan
from omnibuild.errors import NotReproducibleError, ToolFailedError
from omnibuild.events import Emit
from omnibuild.kinds import serials
from omnibuild.plan.graph import Plan
from omnibuild.plan.lookup import Lookup
from omnibuild.settings import Settings
from omnibuild.store.history import LastRun
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool
from omnibuild.workbench.compare import Difference, compare_blobs, compare_trees

UNSHARE = Tool("unshare", package="util-linux")

# Never made again unless asked for: what is fetched is pinned by digest, and a root by its lock.
SEEDED = ("fetch", "snapshot", "checkout", "root", "image")

# All that must not matter. The time is another one in any case.
OTHER_ENVIRONMENT = {
    **CLEAN_ENVIRONMENT,
    "LANG": "tr_TR.UTF-8",
    "LC_ALL": "tr_TR.UTF-8",
    "TZ": "Pacific/Kiritimati",
    "HOME": "/proc/nonexistent/elsewhere",
    "USER": "somebody",
    "LOGNAME": "somebody",
    "CFLAGS": "-O0 -g",
    "MAKEFLAGS": "-s",
}
OTHER_USER, OTHER_HOST, OTHER_UMASK = 4242, "elsewhere", "077"

# The name has another length than that of the store, and a blank.
OTHER_DIRECTORY = "somewhere else"


@dataclass(frozen=True)
class Compared:
    """One action that was done twice: its outputs, and what differs between them."""

    action: str
    first: Output
    second: Output
    differences: tuple[Difference, ...]


def rebuild(
    settings: Settings, planned: AppPlan, only: Collection[str], emit: Emit
) -> tuple[Compared, ...]:
    """Do actions of a plan again, elsewhere, and compare their outputs.

    Args:
        settings: where definitions and the store are.
        planned: the plan; what is not built yet is built first.
        only: the actions to do again; all but fetches and the root when empty.
        emit: takes the events of the first build.

    Raises:
        NotReproducibleError: outputs differ.
    """
    goals = list(planned.plan.actions)
    again = set(only) or {a.name for a in planned.plan if a.kind not in SEEDED}
    with pipeline.opened_store(settings) as store:
        outputs = pipeline.execute(settings, store, planned.plan, goals, emit)
        with store.scratch() as scratch:
            other = Store(scratch / OTHER_DIRECTORY)
            _seed(planned.plan, store, other, outputs, again)
            _build(settings, planned, other)
            found = tuple(_compare(planned.plan, store, other, outputs, again))
    _raise_differences(found)
    return found


def _seed(
    plan: Plan, store: Store, other: Store, outputs: Mapping[str, Output], again: Collection[str]
) -> None:
    """Give the other store what is not done again: results, objects by hard links."""
    lookup = Lookup(store, serials())
    for action in plan:
        if action.name in again:
            continue
        _link(store, other, outputs[action.name])
        if action.output is None:
            key = lookup.key(action, outputs)
            result = store.result(key)
            if result is not None:
                other.record(key, result)
                note = LastRun(key, result.seconds, 0.0, {})
                other.history.remember(action.name, note, lookup.document(action, outputs))


def _link(store: Store, other: Store, output: Output) -> None:
    if other.has(output):
        return
    if output.kind == "blob":
        target = other.blob(output.digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.link(store.blob(output.digest), target)
        return
    source, target = (s.tree_directory(output.digest).parent for s in (store, other))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(source, target, symlinks=True, copy_function=os.link)


def _build(settings: Settings, planned: AppPlan, other: Store) -> None:
    """Build in another process: another user, host, umask, locale, time zone, priority, cores."""
    cores = settings.cores - 1 or 2
    log = other.root.parent / "log"
    words = [
        *(sys.executable, "-m", "omnibuild", "build", planned.app, "-C", str(settings.workspace)),
        *("--cache-dir", str(other.root), "-j", str(cores), "-o", str(other.root.parent / "dist")),
        *(word for name in planned.packages for word in ("-p", name)),
        *(["--release"] if settings.release else []),
    ]
    become = f"unshare --user --map-user={OTHER_USER} --map-group={OTHER_USER}"
    script = f'umask {OTHER_UMASK}; hostname {OTHER_HOST}; exec nice -n 19 {become} "$@"'
    with log.open("w+b") as stream:
        done = UNSHARE.run(
            # Only root of a namespace of its own may call it by another name.
            *("--user", "--map-root-user", "--uts", "sh", "-c", script, "sh", *words),
            environment=OTHER_ENVIRONMENT,
            log=stream,
            check=False,
        )
        if done.returncode:
            stream.seek(0)
            raise ToolFailedError(
                "building again elsewhere failed",
                why=stream.read().decode("utf-8", "replace"),
                hint="it must not matter who builds where",
            )


def _compare(
    plan: Plan, store: Store, other: Store, outputs: Mapping[str, Output], again: Collection[str]
) -> Iterator[Compared]:
    for action in plan:
        if action.name not in again:
            continue
        first = outputs[action.name]
        second = _output_of(other, action.name, first)
        yield Compared(action.name, first, second, tuple(_differences(store, other, first, second)))


def _output_of(other: Store, name: str, expected: Output) -> Output:
    """Return what an action made in the other store, whatever its key became there."""
    last = other.history.last(name)
    result = other.result(last.key) if last else None
    return result.output if result else expected


def _differences(store: Store, other: Store, first: Output, second: Output) -> list[Difference]:
    if first.digest == second.digest:
        return []
    if first.kind == "blob":
        return compare_blobs(store.blob(first.digest), other.blob(second.digest))
    return compare_trees(
        store.tree(first.digest),
        store.tree_directory(first.digest),
        other.tree(second.digest),
        other.tree_directory(second.digest),
    )


def _raise_differences(found: Sequence[Compared]) -> None:
    different = [item for item in found if item.differences]
    if not different:
        return
    lines = []
    for item in different:
        lines.append(item.action)
        lines += [f"  {difference}" for difference in item.differences]
    raise NotReproducibleError(
        f"{len(different)} of {len(found)} outputs differ when they are built again",
        why="\n".join(lines),
        hint="the first that differs is the cause of those after it",
    )
