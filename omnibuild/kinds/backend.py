"""The kind ``backend``: what builds an app's wheels, as a layer below the prefix."""

from __future__ import annotations

import os

from omnibuild.execute.job import Job
from omnibuild.kinds.install import compiled
from omnibuild.kinds.wheel import BACKEND
from omnibuild.sources.archive import at_most
from omnibuild.sources.python.size import check_size
from omnibuild.sources.python.wheels import install_wheel, settle_modes
from omnibuild.store.results import Output


def run(job: Job) -> Output:
    """Unpack what builds wheels, with bytecode: an app is built often, its backend changes rarely.

    Inputs: ``root``, ``layer:NAME`` (the interpreter and what it needs), ``backend:FILE``
    (wheels of the build backend and its requirements).
    """
    job.log.unlink(missing_ok=True)
    upper = job.scratch / "tree" / "files"
    interpreter = os.path.relpath("bin/python3", BACKEND)
    for file_name, output in job.roles("backend").items():
        wheel = job.store.blob(output.digest)
        check_size(wheel, file_name, at_most(job.limits.unpacked))
        install_wheel(wheel, file_name, upper / BACKEND, ".", job.scratch, interpreter)
    settle_modes(upper)
    return compiled(job, "the build backend", BACKEND)
