"""The kind ``root``: a file tree to compile in, of packages or of a tarball."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from omnibuild.digests import Digest
from omnibuild.errors import ToolFailedError
from omnibuild.execute.job import Job
from omnibuild.execute.sandbox.log import open_log
from omnibuild.sources.archive import at_most
from omnibuild.sources.roots.bare import unpack_packages
from omnibuild.sources.roots.debian import build_root
from omnibuild.sources.roots.lock import RootLock
from omnibuild.sources.roots.tree import unpack_root
from omnibuild.store.results import Output
from omnibuild.tools import tail


def run(job: Job) -> Output:
    """Make a build root.

    Parameters: ``lock`` (its data), whose packages are fetched before; or ``tarball`` (a digest),
    with that as the input ``tarball``.
    """
    target = job.scratch / "tree" / "files"
    target.mkdir(parents=True)
    job.log.unlink(missing_ok=True)
    with open_log(job.log, job.limits.log) as log:
        try:
            with log.piped() as stream:
                identity = _make(job, target, stream)
        except ToolFailedError as error:
            said = tail(log.end())
            raise ToolFailedError(
                f"{error.what}: {log.broken}" if log.broken else error.what,
                why=f"{error.why.rstrip()}\n{said}\nwhole log: {job.log}",
            ) from error
    output = job.store.add_tree(job.scratch / "tree")
    return Output("tree", output.digest, identity)


def _make(job: Job, target: Path, log: IO[bytes]) -> Digest:
    """Make the tree and return what identifies it, or nothing where that is what it holds."""
    if "tarball" in job.action.parameters:
        limits = at_most(job.limits.unpacked)
        unpack_root(job.blob("tarball"), target, log, limits=limits)
        identity: Digest = job.action.parameters["tarball"]
        return identity
    lock = RootLock.from_data(job.action.parameters["lock"])
    debs = {package.sha256: job.store.blob(package.sha256) for package in lock.packages}
    if lock.bare:
        unpack_packages(lock, debs, target)
        return ""
    build_root(lock, debs, target, log)
    return lock.identity
