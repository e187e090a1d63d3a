"""The sandbox of a failed step, kept so that its user can look at it from inside."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from pathlib import Path

from omnibuild import files
from omnibuild.errors import UsageError
from omnibuild.execute.sandbox.step import Step
from omnibuild.store.history import file_name
from omnibuild.store.results import Output
from omnibuild.store.store import Store

STEP_FILE = "step.json"
PATHS = ("root", "build", "upper", "work")


def keep_failed(store: Store, name: str, scratch: Path, step: Step) -> None:
    """Move the scratch directory of a failed action to where :func:`kept_step` finds it."""
    kept = _directory(store, name)
    files.remove_tree(kept)
    os.rename(scratch, kept)
    document = {"action": name} | dataclasses.asdict(step)
    for field in PATHS:
        document[field] = _moved(getattr(step, field), scratch, kept)
    document["layers"] = [_moved(layer, scratch, kept) for layer in step.layers]
    files.write_atomic(kept / STEP_FILE, json.dumps(document))


def kept_step(store: Store, name: str) -> Step | None:
    """Return the step at which the named action failed, as its sandbox was left; else nothing.

    It is marked as used, with all that it stands on.
    """
    path = _directory(store, name) / STEP_FILE
    with store.leases.marking():
        if not path.exists() or not store.leases.mark(path.parent):
            return None
    document = json.loads(path.read_bytes())
    del document["action"]
    for field in PATHS:
        document[field] = Path(document[field]) if document[field] else None
    document["layers"] = tuple(Path(layer) for layer in document["layers"])
    gone = [p for p in (document["root"], *document["layers"]) if not _take(store, p)]
    if gone:
        raise UsageError(
            f"the sandbox of {name} cannot be entered any more",
            why=f"the store has lost {gone[0].parent.name[:12]}, on which it stands",
            hint="build again",
        )
    return Step(**document)


def failed_actions(store: Store) -> list[str]:
    """Return the names of the actions whose sandbox was kept, the last that failed first."""
    kept = [path / STEP_FILE for path in (store.root / "failed").iterdir()]
    found = []
    for path in kept:
        # What cannot be read is no place to enter; the next failure writes it again.
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found.append((path.stat().st_mtime_ns, json.loads(path.read_bytes())["action"]))
    return [action for _, action in sorted(found, reverse=True)]


def _take(store: Store, path: Path) -> bool:
    """Mark the tree that a path is in; tell whether it is still there."""
    if path.is_relative_to(store.root / "trees"):
        return store.take(Output("tree", path.parent.name))
    return path.is_dir()


def forget_failed(store: Store, name: str) -> None:
    """Remove what was kept of the named action's failure."""
    files.remove_tree(_directory(store, name))


def _directory(store: Store, name: str) -> Path:
    return store.root / "failed" / file_name(name)


def _moved(path: Path | None, scratch: Path, kept: Path) -> str:
    if path is None:
        return ""
    if path.is_relative_to(scratch):
        return str(kept / path.relative_to(scratch))
    return str(path)
