"""Debug symbols are taken from what a component installed, and kept beside it."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from omnibuild import elf
from omnibuild.execute.job import Job
from omnibuild.layers.step import layered_step
from omnibuild.payload.symbols import DIRECTORY, build_id, symbols_path

_FLAGS: Final = ("CFLAGS", "CXXFLAGS", "HARDENING")
_ARCHIVE: Final = b"!<arch>\n"
_DEBUG_SECTION: Final = b".debug_info\0"

# Stands before the root's own while components are built: programs are stripped once, at the end.
_STRIP: Final = """\
#!/bin/sh
out= in=
while [ $# -gt 0 ]; do
    case $1 in
        -o) out=$2 && shift ;;
        -*) ;;
        *) in=$1 ;;
    esac
    shift
done
[ -z "$out" ] || cp "$in" "$out"
"""
_SPLIT: Final = """\
umask 022
mkdir -p lib/debug
split() {
    [ -z "$2" ] || objcopy --only-keep-debug --compress-debug-sections "$1" "$2"
    strip --enable-deterministic-archives "$3" "$1"
}
"""


def with_symbols(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a component's steps, in which compilers write symbols."""
    flags = {name: f"{environment[name]} -g" for name in _FLAGS}
    return {**environment, **flags}


def keep_unstripped(build: Path) -> str:
    """Return shell that begins a component's steps; what it needs is put into ``build``."""
    program = build / "unstripped" / "strip"
    program.parent.mkdir(parents=True)
    program.write_text(_STRIP)
    program.chmod(0o755)
    return 'export PATH="/build/unstripped:$PATH"'


def split_symbols(job: Job, upper: Path) -> None:
    """Strip what was installed, and keep the symbols of programs and libraries beside them.

    Args:
        job: has the root, whose tools do it.
        upper: what was installed below the prefix.
    """
    build = job.scratch / "build"
    modes: dict[Path, int] = {}
    lines = [_SPLIT]
    for path, content in _compiled(upper):
        name = shlex.quote(f"./{path.relative_to(upper)}")
        lines.append(f"split {name} {_words(content)}")
        modes[path] = stat.S_IMODE(path.stat().st_mode)
    if not modes:
        return
    (build / "split.sh").write_bytes("\n".join([*lines, ""]).encode("utf-8", "surrogateescape"))
    for path in modes:
        path.chmod(modes[path] | 0o200)
    # Only what is the component's own, and not what lies beneath.
    here = upper.rename(build / "prefix")
    script = "cd /build/prefix && /bin/sh -eu /build/split.sh"
    job.run(layered_step(job, f"taking the symbols of {job.subject}", script, None))
    here.rename(upper)
    for path, mode in modes.items():
        path.chmod(mode)
    if not any((upper / DIRECTORY).iterdir()):
        os.removedirs(upper / DIRECTORY)


def _compiled(upper: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield the programs, libraries and archives, hard-linked ones once, with their contents."""
    seen: set[tuple[int, int]] = set()
    for directory, _, names in os.walk(upper):
        for name in sorted(names):
            path = Path(directory, name)
            status = path.lstat()
            if not stat.S_ISREG(status.st_mode) or (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            with path.open("rb") as stream:
                head = stream.read(20)
                if elf.machine_of(head) or head.startswith(_ARCHIVE):
                    yield path, head + stream.read()


def _words(content: bytes) -> str:
    """Return where the symbols of a content go, if it has any, and what is taken from it."""
    if content.startswith(_ARCHIVE) or content[16:18] == b"\1\0":
        return "'' --strip-debug"
    identity = build_id(content) if _DEBUG_SECTION in content else b""
    return f"{symbols_path(identity) if identity else shlex.quote('')} --strip-unneeded"
