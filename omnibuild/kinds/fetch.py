"""The kind ``fetch``: one file, pinned by its digest."""

from __future__ import annotations

from pathlib import Path

from omnibuild.digests import Digest
from omnibuild.errors import DigestMismatchError, SourceError
from omnibuild.execute.job import Job
from omnibuild.recipe.loader import error_in
from omnibuild.recipe.located import Fault
from omnibuild.sources.fetch import fetch
from omnibuild.sources.places import Places
from omnibuild.store.results import Output
from omnibuild.transfer.http import Downloader


class Fetching:
    """The kind ``fetch``, for one run: it remembers hosts that do not answer."""

    def __init__(self) -> None:
        self._downloader = Downloader()
        self._finder = Places()

    def run(self, job: Job) -> Output:
        """Fetch one file.

        Parameters: ``sha256``. Places: ``places``, tried in order; ``definition``, the file that
        pins it, if one does.
        """
        digest: Digest = job.action.parameters["sha256"]
        try:
            fetch(
                digest,
                job.action.places["places"],
                job.store.blob(digest),
                downloader=self._downloader,
                progress=job.progress,
                finder=self._finder,
                most=job.limits.download,
            )
        except SourceError as error:
            place_at_pin(error, job, "places")
            raise
        return Output("blob", digest)


def place_at_pin(error: SourceError, job: Job, key: str) -> None:
    """Say where a definition pins what could not be fetched; ``key`` says from where it is."""
    definition = job.action.places.get("definition", "")
    if definition and not error.where:
        wrong = "sha256" if isinstance(error, DigestMismatchError) else key
        error.where = error_in(Path(definition), [Fault(("source", wrong), error.what)]).where
