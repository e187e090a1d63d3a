"""Why an action runs: what differs between what it is made from now and the last time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from difflib import SequenceMatcher
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One value that is not what it was: where it is in the key document, before and now.

    ``None`` stands for a value that was not there, or is not there any more.
    """

    path: str
    old: Any
    new: Any


@dataclass(frozen=True)
class Reason:
    """Why an action runs: in words, and the changes that led to it."""

    summary: str
    changes: tuple[Change, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Reason:
        """Read what :meth:`to_data` wrote."""
        return cls(data["summary"], tuple(Change(**change) for change in data["changes"]))


FIRST = Reason("it was never built here")
GONE = Reason("its output is gone from the store, and something needs it")
ABSENT = Reason("it is not in the store")


def reason(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> Reason:
    """Say why an action with key document ``new`` has no result.

    Args:
        old: its key document the last time, if there was one.
        new: what it is made from now.
    """
    if old is None:
        return FIRST
    changes = tuple(differences(old, new))
    if not changes:
        return Reason("nothing changed, and its result is gone from the store")
    changed = ", ".join(change.path for change in changes[:3])
    more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
    return Reason(f"changed: {changed}{more}", changes)


def differences(old: Any, new: Any, path: str = "") -> list[Change]:
    """List what differs between two JSON values, each by the path of the innermost value."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = [*old, *(name for name in new if name not in old)]
        return [
            change
            for name in names
            for change in differences(
                old.get(name), new.get(name), f"{path}.{name}" if path else name
            )
        ]
    if isinstance(old, list) and isinstance(new, list):
        return _list_differences(old, new, path)
    return [] if old == new else [Change(path, old, new)]


def _list_differences(old: list[Any], new: list[Any], path: str) -> list[Change]:
    """List what differs between two lists: what was inserted moves nothing after it."""
    before, after = ([json.dumps(v, sort_keys=True) for v in values] for values in (old, new))
    found: list[Change] = []
    # Without the heuristic for long texts: it passes over values that recur.
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for kind, start, end, new_start, new_end in blocks:
        if kind == "equal":
            continue
        both = min(end - start, new_end - new_start)
        for offset in range(both):
            number = new_start + offset
            found += differences(old[start + offset], new[number], f"{path}[{number + 1}]")
        for number in range(start + both, end):
            found.append(Change(f"{path}[{number + 1}]", old[number], None))
        for number in range(new_start + both, new_end):
            found.append(Change(f"{path}[{number + 1}]", None, new[number]))
    return found
