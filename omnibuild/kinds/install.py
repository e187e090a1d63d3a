"""The kind ``install``: a wheel's files where the interpreter finds them, with bytecode."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.sources import WheelFile

from omnibuild.errors import ArchiveError
from omnibuild.execute.job import Job
from omnibuild.layers.capture import capture, keep
from omnibuild.layers.step import layered_step
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
    packages = f"lib/python{job.action.parameters['python']}/site-packages"
    if job.inputs["wheel"].kind == "tree":
        (wheel,) = job.tree("wheel").iterdir()
        name = wheel.name
    else:
        wheel, name = job.blob("wheel"), job.action.parameters["file"]
    install_wheel(wheel, name, upper, packages, job.scratch)
    return compiled(job, name, packages)


def compiled(job: Job, name: str, packages: str) -> Output:
    """Compile the bytecode of installed packages, in a directory below the prefix; keep both."""
    upper = job.scratch / "tree" / "files"
    script = COMPILE_BYTECODE.format(directory=f'"$PREFIX/{packages}"')
    job.run(layered_step(job, f"compiling the bytecode of {name}", script, upper))
    layers = {name: job.store.tree(output.digest) for name, output in job.roles("layer").items()}
    return keep(job, capture(job.subject, upper, layers))


def install_wheel(wheel: Path, name: str, target: Path, packages: str, scratch: Path) -> None:
    """Install a wheel's files below ``target``; console scripts are left to the launchers.

    Args:
        wheel: the wheel's content, under any file name.
        name: the wheel's real file name, which says what is in it (PEP 427).
        target: directory that stands for the prefix.
        packages: directory of packages relative to ``target``.
        scratch: a directory for a temporary link.

    Raises:
        ArchiveError: it is no valid wheel.
    """
    named = scratch / "wheels" / name
    named.parent.mkdir(exist_ok=True)
    named.unlink(missing_ok=True)
    os.link(wheel, named)
    site = target / packages
    scheme = {
        "purelib": str(site),
        "platlib": str(site),
        "headers": str(target / "include"),
        "scripts": str(target / "bin"),
        "data": str(target),
    }
    destination = SchemeDictionaryDestination(
        scheme, interpreter="/bin/sh", script_kind="posix", overwrite_existing=True
    )
    try:
        with WheelFile.open(named) as source:
            install(source, destination, additional_metadata={"INSTALLER": b"omnibuild\n"})
    except (InstallerError, ValueError, KeyError, OSError) as error:
        raise ArchiveError(f"{name} is not a valid wheel", why=str(error)) from error
    _drop_scripts(target, site)
    settle_modes(target)


def _drop_scripts(target: Path, site: Path) -> None:
    """Remove generated scripts: their interpreter line would name this machine's paths."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    outside = os.path.relpath(target / "bin", site)
    for record in site.glob("*.dist-info/RECORD"):
        lines = record.read_text().splitlines(keepends=True)
        record.write_text("".join(x for x in lines if not x.startswith(f"{outside}/")))


def settle_modes(target: Path) -> None:
    """Let no file carry the umask of who builds."""
    for path in target.rglob("*"):
        opened = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if opened else 0o644)
