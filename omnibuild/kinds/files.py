"""The kind ``files``: what ``[files]`` of a recipe brings, as hosts have it."""

from __future__ import annotations

import msgspec

from omnibuild.errors import DefinitionError
from omnibuild.execute.job import Job
from omnibuild.payload.own_files import Laid, write_laid
from omnibuild.store.results import Output


def run(job: Job) -> Output:
    """Copy files into the store; parameters: ``digest`` of their tree; places: ``laid``."""
    laid = msgspec.convert(job.action.places["laid"], list[Laid])
    write_laid(laid, job.scratch / "tree" / "files")
    output = job.store.add_tree(job.scratch / "tree")
    if output.digest != job.action.parameters["digest"]:
        raise DefinitionError(
            "files of [files] changed while they were read",
            hint="build again when nothing writes there",
        )
    return output
