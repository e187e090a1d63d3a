"""The kind ``project``: a project that nothing builds, as it is, where the interpreter finds it."""

from __future__ import annotations

import shutil

from omnibuild.execute.job import Job
from omnibuild.kinds.install import compiled
from omnibuild.sources.python.wheels import settle_modes
from omnibuild.store.results import Output

# Where the project's files lie below the prefix; its modules find one another and their data as in
# the checkout that people work in.
DIRECTORY = "app"


def run(job: Job) -> Output:
    """Copy a project's files, and lead the interpreter to them (a ``.pth`` file, see ``site``).

    Parameters: ``python`` (as ``3.13``).
    Inputs: ``root``, ``layer:NAME``, ``source`` (a snapshot).
    """
    job.log.unlink(missing_ok=True)
    upper = job.scratch / "tree" / "files"
    shutil.copytree(job.tree("source"), upper / DIRECTORY, symlinks=True)
    packages = upper / f"lib/python{job.action.parameters['python']}/site-packages"
    packages.mkdir(parents=True)
    (upper / "lib").chmod(0o755)
    # Relative to its own directory, so that the app can be moved.
    (packages / f"{DIRECTORY}.pth").write_text(f"../../../{DIRECTORY}\n")
    settle_modes(upper / "lib")  # the copies have theirs
    return compiled(job, "the project", DIRECTORY)
