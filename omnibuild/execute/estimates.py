"""How long actions will take, by how long they took: what is longest starts first."""

from __future__ import annotations

from collections.abc import Mapping

from omnibuild.plan.graph import Action, Plan
from omnibuild.store.store import Store

# A rough guess for what was never built here: big sources take long, so they start early.
SECONDS_PER_MEGABYTE = 4.0


def path_lengths(plan: Plan, store: Store) -> Mapping[str, float]:
    """Return for each action the seconds of the longest chain that starts with it."""
    lengths: dict[str, float] = {}
    for action in reversed(list(plan)):
        longest = max((lengths[name] for name in plan.dependents[action.name]), default=0.0)
        lengths[action.name] = longest + expected_seconds(action, plan, store)
    return lengths


def expected_seconds(action: Action, plan: Plan, store: Store) -> float:
    """Return how long the action took the last time; else guess by the size of its files."""
    last = store.history.last(action.name)
    if last is not None:
        return last.seconds
    sources = [plan.actions[name].output for name in action.inputs.values()]
    blobs = [store.blob(o.digest) for o in sources if o and o.kind == "blob"]
    megabytes = sum(path.stat().st_size for path in blobs if path.exists()) / 1e6
    return 1.0 + SECONDS_PER_MEGABYTE * megabytes
