"""The kind ``install``: a wheel's files where the interpreter finds them, with bytecode."""

from __future__ import annotations

from omnibuild.execute.job import Job
from omnibuild.layers.capture import capture, keep
from omnibuild.layers.step import layered_step
from omnibuild.sources.archive import at_most
from omnibuild.sources.python.size import check_size
from omnibuild.sources.python.wheels import install_wheel
from omnibuild.store.results import Output

# Recorded paths lose the prefix, so bytecode is the same wherever the app lives; the import
# system sets them right when it loads a module. Files that are no valid Python (templates) stay
# as they are.
COMPILE_BYTECODE = """\
umask 022
python3 -m compileall -q --invalidation-mode unchecked-hash -s "$PREFIX" {directory} \\
    || echo 'some files are not valid Python; they stay without bytecode'
"""


def run(job: Job) -> Output:
    """Unpack a wheel where the interpreter finds it, with bytecode.

    Parameters: ``python`` (as ``3.13``), ``file`` (the wheel's name, empty for a built one).
    Inputs: ``root``, ``layer:NAME``, ``wheel``.
    """
    job.log.unlink(missing_ok=True)
    upper = job.scratch / "tree" / "files"
    python = f"python{job.action.parameters['python']}"
    packages = f"lib/{python}/site-packages"
    if job.inputs["wheel"].kind == "tree":
        (wheel,) = job.tree("wheel").iterdir()
        name = wheel.name
    else:
        wheel, name = job.blob("wheel"), job.action.parameters["file"]
    check_size(wheel, name, at_most(job.limits.unpacked))
    install_wheel(wheel, name, upper, packages, job.scratch, f"bin/{python}")
    return compiled(job, name, packages)


def compiled(job: Job, name: str, packages: str) -> Output:
    """Compile the bytecode of installed packages, in a directory below the prefix; keep both."""
    upper = job.scratch / "tree" / "files"
    script = COMPILE_BYTECODE.format(directory=f'"$PREFIX/{packages}"')
    job.run(layered_step(job, f"compiling the bytecode of {name}", script, upper))
    layers = {name: job.store.tree(output.digest) for name, output in job.roles("layer").items()}
    return keep(job, capture(job.subject, upper, layers))
