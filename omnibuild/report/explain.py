"""Decisions and reasons in words."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from omnibuild.plan.decisions import Decision, Verdict, Where
from omnibuild.plan.reasons import Change, Reason

SHOWN_PENDING = 3
CONTEXT_LINES = 1


def plan_lines(decisions: Sequence[Decision]) -> Iterator[str]:
    """Yield one line for each action of a plan, and a last one that counts them.

    Fetches that nothing needs are only counted.
    """
    unneeded = 0
    for decision in decisions:
        if decision.where is Where.UNNEEDED and decision.kind == "fetch":
            unneeded += 1
            continue
        where = str(decision.where or "")
        yield f"{decision.verdict.upper():8}{where:10}{decision.action}{_note(decision)}"
    counts = dict.fromkeys(Verdict, 0)
    for decision in decisions:
        counts[decision.verdict] += 1
    remote = sum(1 for decision in decisions if decision.where is Where.REMOTE)
    hits = f"{counts[Verdict.HIT]} hit" + (f" ({remote} remote)" if remote else "")
    fetches = f"; {unneeded} files need no fetching" if unneeded else ""
    yield (
        f"{len(decisions)} actions: {hits}, {counts[Verdict.RUN]} run,"
        f" {counts[Verdict.PENDING]} pending{fetches}"
    )


def _note(decision: Decision) -> str:
    if decision.reason is not None:
        return f"  {decision.reason.summary}"
    if decision.pending_on:
        shown = ", ".join(decision.pending_on[:SHOWN_PENDING])
        more = len(decision.pending_on) - SHOWN_PENDING
        return f"  waits for {shown}" + (f" and {more} more" if more > 0 else "")
    return ""


def reason_lines(reason: Reason) -> Iterator[str]:
    """Yield a reason, with the old and the new value of everything that changed."""
    yield reason.summary
    for change in reason.changes:
        yield f"  {change.path}"
        yield from (f"    {line}" for line in _change_lines(change))


def _change_lines(change: Change) -> Iterable[str]:
    old, new = _lines(change.old), _lines(change.new)
    if len(old) <= 1 and len(new) <= 1:
        return [*(f"- {line}" for line in old), *(f"+ {line}" for line in new)]
    different = difflib.unified_diff(old, new, lineterm="", n=CONTEXT_LINES)
    return [line for line in different if not line.startswith(("---", "+++", "@@"))]


def _lines(value: Any) -> list[str]:
    if value is None:
        return []
    if isinstance(value, str):
        return value.splitlines() or ['""']
    return [json.dumps(value, sort_keys=True)]
