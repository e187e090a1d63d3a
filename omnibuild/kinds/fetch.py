"""The kind ``fetch``: one file, pinned by its digest."""

from __future__ import annotations

from omnibuild.digests import Digest
from omnibuild.execute.job import Job
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
        """Fetch one file; parameters: ``sha256``; places: ``places``, tried in order."""
        digest: Digest = job.action.parameters["sha256"]
        fetch(
            digest,
            job.action.places["places"],
            job.store.blob(digest),
            downloader=self._downloader,
            progress=job.progress,
            finder=self._finder,
            most=job.limits.download,
        )
        return Output("blob", digest)
