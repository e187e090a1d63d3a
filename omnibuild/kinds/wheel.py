"""The kind ``wheel``: a Python source built by PEP 517."""

from __future__ import annotations

import shutil
from pathlib import Path

from omnibuild.errors import CaptureError, StepError
from omnibuild.execute.job import Job
from omnibuild.layers.capture import capture
from omnibuild.layers.step import layered_step
from omnibuild.sources.archive import at_most, unpack
from omnibuild.store.results import Output
from omnibuild.tree import Kind, Tree

# Build backends never see the network: what they need is a layer, below the prefix.
BACKEND = "share/build-backend"

BUILD_WHEEL = f"""\
umask 022
export PYTHONPATH="$PREFIX/{BACKEND}" LDFLAGS="$LDFLAGS -static-libgcc -static-libstdc++"
# The interpreter's own optimisation flags are better than the general ones.
unset CFLAGS
python3 -m build --wheel --no-isolation --skip-dependency-check --outdir /build/out .
"""


def run(job: Job) -> Output:
    """Build a wheel by PEP 517; the output is a tree with that one file.

    Inputs: ``root``, ``layer:NAME`` (the interpreter and what it needs, the build backend),
    ``source`` (a snapshot or an sdist).
    """
    job.log.unlink(missing_ok=True)
    build = job.scratch / "build"
    if job.inputs["source"].kind == "tree":
        shutil.copytree(job.tree("source"), build / "src", symlinks=True)
    else:
        unpack(job.blob("source"), build / "src", limits=at_most(job.limits.unpacked))
    (build / "out").mkdir()
    job.run(layered_step(job, f"building the wheel of {job.subject}", BUILD_WHEEL, None))
    files = job.scratch / "tree" / "files"
    files.parent.mkdir()
    tree = captured_wheel(job.subject, build / "out")
    (build / "out").rename(files)
    return job.store.add_scanned_tree(job.scratch / "tree", tree)


def captured_wheel(name: str, directory: Path) -> Tree:
    """Return what a build backend left where its wheel belongs: that, and nothing that leads on.

    Args:
        name: of the package, for errors.
        directory: what the backend's output directory has become.

    Raises:
        CaptureError: it is no directory any more.
        StepError: there is anything else than one regular file.
    """
    # It may be a symlink to any directory of this machine, and so may be what is in it.
    if directory.is_symlink() or not directory.is_dir():
        raise CaptureError(f"the build backend of {name} removed or replaced its output directory")
    tree = capture(name, directory, {})
    if [entry.kind for entry in tree.entries] != [Kind.FILE]:
        raise StepError(f"the build backend of {name} made {sorted(tree.by_path)}, not one wheel")
    return tree
