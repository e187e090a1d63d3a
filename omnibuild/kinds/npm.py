"""The kind ``npm``: one tarball of the npm registry, pinned by its SHA-512."""

from __future__ import annotations

import os
from pathlib import Path

from omnibuild.execute.job import Job
from omnibuild.sources.npm.settings import NpmSettings
from omnibuild.sources.npm.tarballs import fetch_tarball
from omnibuild.store.results import Output
from omnibuild.transfer.http import Downloader


class Tarballs:
    """The kind ``npm``, for one run: it remembers hosts that do not answer."""

    def __init__(self) -> None:
        self._downloader = Downloader()

    def run(self, job: Job) -> Output:
        """Fetch a tarball.

        Parameters: ``sha512``; places: ``url`` (empty where the lock does not say), ``name``,
        ``version``, ``node`` (digest of node's wheel, whose npm knows the public registry),
        ``directory`` (of the front end, which may name registries).
        """
        places = job.action.places
        settings = NpmSettings(os.environ, Path(places["directory"]))
        wheel = job.store.blob(places["node"])
        url = settings.address(places["name"], places["version"], places["url"], wheel)
        settings.teach(self._downloader.credentials, url)
        target: Path = job.scratch / "package.tgz"
        fetch_tarball(
            job.action.parameters["sha512"],
            url,
            target,
            self._downloader,
            job.progress,
            job.limits.download,
        )
        return job.store.add_blob(target.read_bytes())
