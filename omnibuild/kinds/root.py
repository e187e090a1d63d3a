"""The kind ``root``: a file tree to compile in, of packages or of a tarball."""

from __future__ import annotations

from omnibuild import files
from omnibuild.digests import Digest
from omnibuild.execute.job import Job
from omnibuild.sources.rootlock import RootLock
from omnibuild.sources.roots import build_root
from omnibuild.sources.roottree import unpack_root
from omnibuild.store.results import Output


def run(job: Job) -> Output:
    """Make a build root.

    Parameters: ``lock`` (its data), whose packages are fetched before; or ``tarball`` (a digest),
    with that as the input ``tarball``.
    """
    target = job.scratch / "tree" / "files"
    target.mkdir(parents=True)
    with open(job.log, "wb", opener=files.private) as log:
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
