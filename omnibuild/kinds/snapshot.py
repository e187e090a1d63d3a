"""The kind ``snapshot``: the files of a local project."""

from __future__ import annotations

from pathlib import Path

from omnibuild.errors import DefinitionError
from omnibuild.execute.job import Job
from omnibuild.sources.snapshot import copy_snapshot, snapshot
from omnibuild.store.results import Output


def run(job: Job) -> Output:
    """Copy a local project into the store; parameters: ``digest``; places: ``directory``."""
    directory = Path(job.action.places["directory"])
    copied = job.scratch / "tree" / "files"
    copy_snapshot(directory, snapshot(directory), copied)
    output = job.store.add_tree(job.scratch / "tree")
    if output.digest != job.action.parameters["digest"]:
        raise DefinitionError(
            f"the files of {directory} changed while they were read",
            hint="build again when nothing writes there",
        )
    return output
