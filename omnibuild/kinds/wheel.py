"""The kind ``wheel``: a Python source built by PEP 517, or what its backend says of it."""

from __future__ import annotations

import shutil
from pathlib import Path

from omnibuild.errors import CaptureError, StepError
from omnibuild.execute.job import Job
from omnibuild.layers.capture import capture
from omnibuild.layers.missing import note_missed
from omnibuild.layers.step import layered_step
from omnibuild.sources.archive import at_most, unpack
from omnibuild.sources.python.backends import declare_build_system
from omnibuild.store.results import Output
from omnibuild.tree import Kind, Tree

# Build backends never see the network: what they need is a layer, below the prefix.
BACKEND = "share/build-backend"

PREPARE = f"""\
umask 022
export PYTHONPATH="$PREFIX/{BACKEND}" PATH="$PREFIX/{BACKEND}/bin:$PATH"
export LDFLAGS="$LDFLAGS -static-libgcc -static-libstdc++"
# The interpreter's own optimisation flags are better than the general ones.
export CFLAGS="$HARDENING" CXXFLAGS="$HARDENING"
"""
BUILD_WHEEL = (
    "python3 -m build --wheel --no-isolation --skip-dependency-check --outdir /build/out ."
)

# The frontend does what the standard asks of one, as falling back to a wheel for its metadata.
ASK = """\
cat > /build/ask.py <<'END'
import json, shutil, sys
from build import BuildBackendException, BuildException, ProjectBuilder

try:
    builder = ProjectBuilder(".")
    if sys.argv[1] == "requires":
        with open("/build/out/requires.json", "w") as stream:
            json.dump(sorted(builder.get_requires_for_build("wheel")), stream)
    else:
        shutil.copy(builder.metadata_path("/build/metadata") + "/METADATA", "/build/out/METADATA")
except (BuildBackendException, BuildException) as error:
    # The backend has said why; how this program came to it is of no use to anybody.
    sys.exit(str(error))
END
python3 /build/ask.py {question}
"""


def run(job: Job) -> Output:
    """Build a wheel by PEP 517, or ask its backend; the output is a tree with that one file.

    Parameters: ``question`` (``requires``: what it needs besides what ``[build-system]`` says;
    ``metadata``: of the wheel that it would build; none: the wheel).
    Inputs: ``root``, ``layer:NAME`` (the interpreter and what it needs, the build backend),
    ``source`` (a snapshot or an sdist).
    """
    job.log.unlink(missing_ok=True)
    build = job.scratch / "build"
    if job.inputs["source"].kind == "tree":
        shutil.copytree(job.tree("source"), build / "src", symlinks=True)
    else:
        unpack(job.blob("source"), build / "src", limits=at_most(job.limits.unpacked))
    declare_build_system(build / "src")
    (build / "out").mkdir()
    question = job.action.parameters.get("question")
    name = job.subject.removesuffix(f":{question}")
    what = f"asking the build backend of {name}" if question else f"building the wheel of {name}"
    script = PREPARE + (ASK.format(question=question) if question else BUILD_WHEEL)
    try:
        job.run(layered_step(job, what, script, None))
    except StepError as error:
        error.hint = _advice(name, job)
        note_missed(error, job.log)
        raise
    files = job.scratch / "tree" / "files"
    files.parent.mkdir()
    tree = captured_file(name, build / "out")
    (build / "out").rename(files)
    return job.store.add_scanned_tree(job.scratch / "tree", tree)


def _advice(name: str, job: Job) -> str:
    """Say what to try for a package that this interpreter does not build."""
    found = (layer for layer in job.roles("layer") if layer.startswith("python-"))
    series = next(found, "python-").removeprefix("python-")
    return (
        f"if {name} is not made for CPython {series}: require another version of it, or take"
        " another `version` in [python]; what it links belongs into [software]"
    )


def captured_file(name: str, directory: Path, tool: str = "the build backend") -> Tree:
    """Return what a tool left where its answer belongs: that, and nothing that leads on.

    Args:
        name: of the package, for errors.
        directory: what the tool's output directory has become.
        tool: what it is called in errors.

    Raises:
        CaptureError: it is no directory any more.
        StepError: there is anything else than one regular file.
    """
    # It may be a symlink to any directory of this machine, and so may be what is in it.
    if directory.is_symlink() or not directory.is_dir():
        raise CaptureError(f"{tool} of {name} removed or replaced its output directory")
    tree = capture(name, directory, {})
    if [entry.kind for entry in tree.entries] != [Kind.FILE]:
        raise StepError(f"{tool} of {name} made {sorted(tree.by_path)}, not one file")
    return tree
