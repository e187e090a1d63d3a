"""Files of packages, as an app would get them, in the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from packaging.pylock import Package

from omnibuild.events import Emit
from omnibuild.locking.groups import merged
from omnibuild.recipe.lock import Lock, Record
from omnibuild.recipe.models.locked import LockedFile
from omnibuild.settings import Settings


def selected(
    packages: Sequence[Package], python: str, glibc: str, indexes: Sequence[str] = ()
) -> list[LockedFile]:
    """Return the best file of each package for an interpreter.

    Args:
        packages: that were resolved.
        python: series of the interpreter.
        glibc: highest version that wheels may need.
        indexes: those that a project names, as ``NAME=URL``.
    """
    lock = Lock("", merged({"run": packages}, python, Record(indexes=tuple(indexes))))
    return list(lock.select(python, glibc))


def fetched(settings: Settings, wanted: Sequence[LockedFile], emit: Emit) -> dict[LockedFile, Path]:
    """Return where files of packages are, once they are in the store."""
    if not wanted:
        return {}
    # Few locks need a file, and what plans and executes takes long to import.
    from omnibuild import pipeline
    from omnibuild.blueprint.components import fetch_package
    from omnibuild.plan.graph import Plan
    from omnibuild.store.results import Output

    with pipeline.opened_store(settings) as store:
        actions = [
            fetch_package(file) for file in wanted if not store.take(Output("blob", file.sha256))
        ]
        if actions:
            goals = [action.name for action in actions]
            pipeline.execute(settings, store, Plan.of(actions), goals, emit)
        return {file: store.blob(file.sha256) for file in wanted}
