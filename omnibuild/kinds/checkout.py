"""The kind ``checkout``: the files of a commit of somebody's git repository."""

from __future__ import annotations

from omnibuild.errors import DigestMismatchError, SourceError
from omnibuild.execute.job import Job
from omnibuild.kinds.fetch import place_at_pin
from omnibuild.sources.git.checkout import check_out
from omnibuild.sources.snapshot import copy_snapshot, snapshot
from omnibuild.store.results import Output


def run(job: Job) -> Output:
    """Fetch a commit; the output is the tree of its files, or of a directory of them.

    Parameters: ``commit``, ``subdirectory`` (empty: all), ``digest`` of the tree (empty: unknown).
    Places: ``url``; ``definition``, the file that pins it, if one does.
    """
    parameters = job.action.parameters
    work = job.scratch / "work"
    try:
        check_out(job.action.places["url"], parameters["commit"], work)
    except SourceError as error:
        place_at_pin(error, job, "git")
        raise
    directory = work / parameters["subdirectory"]
    copy_snapshot(directory, snapshot(directory), job.scratch / "tree/files")
    output = job.store.add_tree(job.scratch / "tree")
    if parameters["digest"] not in ("", output.digest):
        raise DigestMismatchError(
            f"commit {parameters['commit']} has other files than when it was locked",
            why=f"expected {parameters['digest']}, got {output.digest}",
        )
    return output
