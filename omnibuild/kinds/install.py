"""The kind ``install``: a wheel's files where the interpreter finds them, with bytecode."""

from __future__ import annotations

import contextlib
import posixpath
import shutil
from collections.abc import Iterator
from pathlib import Path

from omnibuild import elf
from omnibuild.audit import glibc
from omnibuild.elf.loader import EntangledError, Found
from omnibuild.elf.searching import settled_paths
from omnibuild.errors import ArchiveError
from omnibuild.execute.job import Job
from omnibuild.kinds import runtime
from omnibuild.layers.capture import capture, keep
from omnibuild.layers.search_paths import PATCHELF, set_search_paths
from omnibuild.layers.step import layered_step
from omnibuild.sources.archive import at_most
from omnibuild.sources.python.backends import AS_IT_IS
from omnibuild.sources.python.programs import LARGEST_SCRIPT, for_own_python, is_program
from omnibuild.sources.python.size import check_size
from omnibuild.sources.python.wheels import install_wheel, record_again, settle_modes
from omnibuild.store.results import Output
from omnibuild.tree import scan

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
    Inputs: ``root``, ``layer:NAME``, and ``wheel``, or ``source`` (a snapshot) for a project that
    nothing builds; for a wheel that others made ``patchelf``.
    """
    job.log.unlink(missing_ok=True)
    upper = job.scratch / "tree" / "files"
    python = f"python{job.action.parameters['python']}"
    packages = f"lib/{python}/site-packages"
    if "source" in job.inputs:
        copy_project(job.tree("source"), upper, packages, f"bin/{python}")
        return compiled(job, "the project", AS_IT_IS)
    if job.inputs["wheel"].kind == "tree":
        (wheel,) = job.tree("wheel").iterdir()
        name = wheel.name
    else:
        wheel, name = job.blob("wheel"), job.action.parameters["file"]
    check_size(wheel, name, at_most(job.limits.unpacked))
    record = install_wheel(wheel, name, upper, packages, job.scratch, f"bin/{python}")
    if PATCHELF in job.inputs:
        _reach_libraries(job, name, upper, record)
    return compiled(job, name, packages)


def copy_project(source: Path, prefix: Path, packages: str, interpreter: str) -> None:
    """Copy a project as it is, and lead the interpreter to it (a ``.pth`` file, see ``site``).

    Its modules find one another and their data as in the checkout that people work in. What can
    be executed are programs, as in wheels.
    """
    shutil.copytree(source, prefix / AS_IT_IS, symlinks=True)
    for path in (prefix / AS_IT_IS).rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_mode & 0o111:
            content, place = path.read_bytes(), str(path.relative_to(prefix))
            if not is_program(place, content):
                path.chmod(0o644)
            elif len(content) < LARGEST_SCRIPT:
                path.write_bytes(for_own_python(place, content, interpreter))
    (prefix / packages).mkdir(parents=True)
    # Relative to its own directory, so that the app can be moved.
    roots = [AS_IT_IS, *([f"{AS_IT_IS}/src"] if (source / "src").is_dir() else [])]
    lines = "".join(f"../../../{root}\n" for root in roots)
    (prefix / packages / f"{AS_IT_IS}.pth").write_text(lines)
    settle_modes(prefix / "lib")  # the copies have theirs
    (prefix / "lib").chmod(0o755)


def _reach_libraries(job: Job, name: str, upper: Path, record: Path) -> None:
    """Let what others compiled find the libraries of the app, where it needs them."""
    files = dict(programs(upper))
    provided = {*runtime.LIBRARIES}
    for output in job.roles("layer").values():
        entries = job.store.tree(output.digest).entries
        provided |= {Path(e.path).name for e in entries if Path(e.path).parent == Path("lib")}

    def find(path: str) -> Found | None:
        path = posixpath.normpath(path)
        return Found(path, files[path]) if path in files else None

    try:
        paths = settled_paths(files, find, glibc.SONAMES, provided, "/lib")
    except EntangledError as error:
        raise ArchiveError(f"the libraries of {name} need each other in too many ways") from error
    if paths:
        below = {path[1:]: text for path, text in paths.items()}
        set_search_paths(job, {path: files[f"/{path}"] for path in below}, below)
        record_again(record, [upper / path for path in below])


def programs(upper: Path) -> Iterator[tuple[str, elf.Elf]]:
    """Yield the programs and libraries that can be read; an audit tells of the others."""
    for entry in scan(upper).files():
        with open(upper / entry.path, "rb") as stream:
            start = stream.read(len(elf.MAGIC))
            content = start + stream.read() if start == elf.MAGIC else b""
        with contextlib.suppress(elf.ElfError):
            if found := elf.parse(content):
                yield f"/{entry.path}", found


def compiled(job: Job, name: str, packages: str) -> Output:
    """Compile the bytecode of installed packages, in a directory below the prefix; keep both."""
    upper = job.scratch / "tree" / "files"
    script = COMPILE_BYTECODE.format(directory=f'"$PREFIX/{packages}"')
    job.run(layered_step(job, f"compiling the bytecode of {name}", script, upper), alone=True)
    layers = {name: job.store.tree(output.digest) for name, output in job.roles("layer").items()}
    return keep(job, capture(job.subject, upper, layers))
