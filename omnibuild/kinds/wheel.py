"""The kinds ``backend``, ``wheel`` and ``install``: from a Python source to site-packages."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

from installer import install
from installer.destinations import SchemeDictionaryDestination
from installer.exceptions import InstallerError
from installer.sources import WheelFile

from omnibuild.errors import ArchiveError, CaptureError, StepError
from omnibuild.execute.job import Job
from omnibuild.kinds.capture import capture, keep
from omnibuild.kinds.component import layered_step
from omnibuild.sources.archive import unpack
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

# Recorded paths lose the prefix, so bytecode is the same wherever the app lives; the import
# system sets them right when it loads a module. Files that are no valid Python (templates) stay
# as they are.
COMPILE_BYTECODE = """\
umask 022
python3 -m compileall -q --invalidation-mode unchecked-hash -s "$PREFIX" {directory} \\
    || echo 'some files are not valid Python; they stay without bytecode'
"""


def run_backend(job: Job) -> Output:
    """Unpack what builds wheels, with bytecode: an app is built often, its backend changes rarely.

    Inputs: ``root``, ``layer:NAME`` (the interpreter and what it needs), ``backend:FILE``
    (wheels of the build backend and its requirements).
    """
    job.log.unlink(missing_ok=True)
    upper = job.scratch / "tree" / "files"
    for file_name, output in job.roles("backend").items():
        install_wheel(job.store.blob(output.digest), file_name, upper / BACKEND, ".", job.scratch)
    _settle_modes(upper)
    return _compiled(job, "the build backend", BACKEND)


def run_wheel(job: Job) -> Output:
    """Build a wheel by PEP 517; the output is a tree with that one file.

    Inputs: ``root``, ``layer:NAME`` (the interpreter and what it needs, the build backend),
    ``source`` (a snapshot or an sdist).
    """
    job.log.unlink(missing_ok=True)
    build = job.scratch / "build"
    if job.inputs["source"].kind == "tree":
        shutil.copytree(job.tree("source"), build / "src", symlinks=True)
    else:
        unpack(job.blob("source"), build / "src")
    (build / "out").mkdir()
    job.run(layered_step(job, f"building the wheel of {_subject(job)}", BUILD_WHEEL, None))
    files = job.scratch / "tree" / "files"
    files.parent.mkdir()
    (build / "out").rename(files)
    tree = captured_wheel(_subject(job), files)
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
        raise CaptureError(f"the build backend of {name} replaced its output directory")
    tree = capture(name, directory, {})
    if [entry.kind for entry in tree.entries] != [Kind.FILE]:
        raise StepError(f"the build backend of {name} made {sorted(tree.by_path)}, not one wheel")
    return tree


def run_install(job: Job) -> Output:
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
    return _compiled(job, name, packages)


def _compiled(job: Job, name: str, packages: str) -> Output:
    """Compile the bytecode of installed packages, in a directory below the prefix; keep both."""
    upper = job.scratch / "tree" / "files"
    script = COMPILE_BYTECODE.format(directory=f'"$PREFIX/{packages}"')
    job.run(layered_step(job, f"compiling the bytecode of {name}", script, upper))
    layers = {name: job.store.tree(output.digest) for name, output in job.roles("layer").items()}
    return keep(job, capture(_subject(job), upper, layers))


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
    _settle_modes(target)


def _drop_scripts(target: Path, site: Path) -> None:
    """Remove generated scripts: their interpreter line would name this machine's paths."""
    shutil.rmtree(target / "bin", ignore_errors=True)
    outside = os.path.relpath(target / "bin", site)
    for record in site.glob("*.dist-info/RECORD"):
        lines = record.read_text().splitlines(keepends=True)
        record.write_text("".join(x for x in lines if not x.startswith(f"{outside}/")))


def _settle_modes(target: Path) -> None:
    """Let no file carry the umask of who builds."""
    for path in target.rglob("*"):
        opened = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if opened else 0o644)


def _subject(job: Job) -> str:
    return job.action.name.rpartition("/")[2]
