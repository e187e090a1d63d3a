"""Decisions: for each action of a plan whether its result is there, and if not, why it runs."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from omnibuild.plan.graph import Action, Plan
from omnibuild.plan.lookup import Lookup
from omnibuild.plan.reasons import ABSENT, GONE, Reason, reason
from omnibuild.store.results import Output

LOOKUPS_AT_ONCE = 8


class Verdict(StrEnum):
    """What a build would do about an action."""

    HIT = "hit"
    RUN = "run"
    PENDING = "pending"


class Where(StrEnum):
    """Where the object of a hit is."""

    LOCAL = "local"
    REMOTE = "remote"
    # Its digest is known, and nothing that must be done needs the object.
    UNNEEDED = "unneeded"


@dataclass(frozen=True)
class Decision:
    """What a build would do about one action.

    Args:
        action: its name.
        kind: its kind.
        verdict: HIT, RUN, or PENDING when it depends on outputs that are not known yet.
        where: for a hit, where its object is.
        output: for a hit, what it is.
        reason: for a run, why.
        pending_on: the actions that decide, when it is pending.
    """

    action: str
    kind: str
    verdict: Verdict
    where: Where | None = None
    output: Output | None = None
    reason: Reason | None = None
    pending_on: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values; what does not apply is left out."""
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}


def decide(plan: Plan, lookup: Lookup, goals: Collection[str]) -> tuple[Decision, ...]:
    """Decide every action of a plan, in the plan's order, without doing anything.

    Args:
        plan: what to decide.
        lookup: finds results.
        goals: the actions whose objects must be here in the end.
    """
    found = _find(plan, lookup)
    decisions: dict[str, Decision] = {}
    needed = set(goals)
    # From the end: what must run needs its inputs, and nothing else needs to be here.
    for action in reversed(list(plan)):
        decision = _decide(action, found, lookup, action.name in needed)
        decisions[action.name] = decision
        if decision.verdict is not Verdict.HIT:
            needed.update(action.needs)
    return tuple(decisions[action.name] for action in plan)


@dataclass
class _Found:
    """The outputs that are known, and which of them only the remote cache can deliver."""

    outputs: dict[str, Output]
    remote: set[str]


def _find(plan: Plan, lookup: Lookup) -> _Found:
    """Look up every action whose inputs are known, the remote cache asked by waves."""
    found = _Found({}, set())
    waiting = list(plan)
    with ThreadPoolExecutor(LOOKUPS_AT_ONCE) as pool:
        while waiting:
            missed: list[Action] = []
            undecidable: list[Action] = []
            # The plan's order: an action's inputs come before it.
            for action in waiting:
                if any(name not in found.outputs for name in action.inputs.values()):
                    undecidable.append(action)
                elif result := lookup.local(action, found.outputs):
                    found.outputs[action.name] = result.output
                else:
                    missed.append(action)
            if lookup.remote is None or not missed:
                break
            results = pool.map(lambda a: lookup.distant(a, found.outputs), missed)
            hits = {a.name: r.output for a, r in zip(missed, results, strict=True) if r}
            found.outputs |= hits
            found.remote |= hits.keys()
            waiting = undecidable if hits else []
    return found


def _decide(action: Action, found: _Found, lookup: Lookup, needed: bool) -> Decision:
    undecided = tuple(name for name in action.inputs.values() if name not in found.outputs)
    if undecided:
        names = tuple(dict.fromkeys(undecided))
        return Decision(action.name, action.kind, Verdict.PENDING, pending_on=names)
    output = found.outputs.get(action.name)
    if output is None:
        why = _reason(action, found, lookup)
        return Decision(action.name, action.kind, Verdict.RUN, reason=why)
    if action.name in found.remote:
        where = Where.REMOTE
    elif lookup.store.has(output):
        where = Where.LOCAL
    elif needed:
        why = GONE if action.output is None else ABSENT
        return Decision(action.name, action.kind, Verdict.RUN, reason=why)
    else:
        where = Where.UNNEEDED
    return Decision(action.name, action.kind, Verdict.HIT, where=where, output=output)


def _reason(action: Action, found: _Found, lookup: Lookup) -> Reason:
    old = lookup.store.history.last_document(action.name)
    return reason(old, lookup.document(action, found.outputs))
