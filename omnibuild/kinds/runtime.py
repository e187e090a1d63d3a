"""The kind ``runtime``: libraries of the root's compiler, for what others compiled.

What is compiled here links them statically. Prebuilt wheels load them: every distribution for which
wheels are made has them where its loader looks (manylinux).
"""

from __future__ import annotations

import shlex

from omnibuild import elf
from omnibuild.errors import StepError
from omnibuild.execute.job import Job
from omnibuild.layers.capture import capture, keep
from omnibuild.layers.search_paths import set_search_paths
from omnibuild.layers.step import layered_step
from omnibuild.store.results import Output

LIBRARIES = ("libatomic.so.1", "libgcc_s.so.1", "libgomp.so.1", "libstdc++.so.6")

# Of Debian and its derivatives, and of Fedora's family; where gcc's copyright only points to the
# texts, they are in common-licenses.
LICENCES = (
    *("/usr/share/doc/libgcc-s1/copyright", "/usr/share/common-licenses/GPL-3"),
    *("/usr/share/licenses/libgcc/COPYING3", "/usr/share/licenses/libgcc/COPYING.RUNTIME"),
)

# A compiler that has no such library prints the bare name.
COPY = """\
umask 022
mkdir -p "$PREFIX/lib" "$PREFIX/share/licenses/gcc"
for name in {libraries}; do
    file=$($CC -print-file-name="$name")
    case $file in
        /*) cp -L "$file" "$PREFIX/lib/$name" ;;
        *) echo "the root's compiler has no $name" ;;
    esac
done
for file in {licences}; do
    if [ -f "$file" ]; then cp -L "$file" "$PREFIX/share/licenses/gcc/"; fi
done
chmod -R u=rwX,go=rX "$PREFIX/lib" "$PREFIX/share"
"""


def run(job: Job) -> Output:
    """Take the compiler's libraries out of the root, each with a way to the others.

    Inputs: ``root``, ``patchelf``.
    """
    job.log.unlink(missing_ok=True)
    upper = job.scratch / "tree" / "files"
    upper.mkdir(parents=True)
    script = COPY.format(libraries=shlex.join(LIBRARIES), licences=shlex.join(LICENCES))
    job.run(
        layered_step(job, "taking the libraries of the root's compiler", script, upper), alone=True
    )
    found = [path for name in LIBRARIES if (path := upper / "lib" / name).exists()]
    if found and not any((upper / "share/licenses/gcc").iterdir()):
        raise StepError(
            "the root has the libraries of its compiler, and not their licence",
            why=f"none of {', '.join(LICENCES)} is there",
            hint="take a root with the documentation of its packages",
        )
    tables = {f"lib/{path.name}": elf.parse(path.read_bytes()) for path in found}
    files = {path: table for path, table in tables.items() if table}
    set_search_paths(job, files, dict.fromkeys(files, "$ORIGIN"))
    return keep(job, capture(job.subject, upper, {}))
