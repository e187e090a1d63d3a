"""Kinds that bring things in: fetched files, local projects, build roots."""

from __future__ import annotations

from pathlib import Path

from omnibuild.digests import Digest
from omnibuild.errors import DefinitionError
from omnibuild.execute.job import Job
from omnibuild.sources.fetch import fetch
from omnibuild.sources.images import export_image
from omnibuild.sources.places import Places
from omnibuild.sources.rootlock import RootLock
from omnibuild.sources.rootpins import ImageRoot
from omnibuild.sources.roots import build_root
from omnibuild.sources.roottree import unpack_root
from omnibuild.sources.snapshot import copy_snapshot, snapshot
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
        )
        return Output("blob", digest)


def run_snapshot(job: Job) -> Output:
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


def run_root(job: Job) -> Output:
    """Make a build root.

    Parameters: ``lock`` (its data), whose packages are fetched before; or ``tarball`` (a digest),
    with that as the input ``tarball``.
    """
    target = job.scratch / "tree" / "files"
    target.mkdir(parents=True)
    with job.log.open("wb") as log:
        if "tarball" in job.action.parameters:
            identity: Digest = job.action.parameters["tarball"]
            unpack_root(job.blob("tarball"), target, log)
        else:
            lock = RootLock.from_data(job.action.parameters["lock"])
            debs = {package.sha256: job.store.blob(package.sha256) for package in lock.packages}
            build_root(lock, debs, target, log)
            identity = lock.identity
    output = job.store.add_tree(job.scratch / "tree")
    return Output("tree", output.digest, identity=identity)


def run_image(job: Job) -> Output:
    """Make a build root of an image; parameters: ``digest``; places: ``image``."""
    places, digest = job.action.places, job.action.parameters["digest"]
    root = ImageRoot(job.action.name, places["image"], digest)
    archive = job.scratch / "image.tar"
    export_image(root, archive)
    target = job.scratch / "tree" / "files"
    target.mkdir(parents=True)
    with job.log.open("wb") as log:
        unpack_root(archive, target, log)
    output = job.store.add_tree(job.scratch / "tree")
    return Output("tree", output.digest, identity=root.identity)
