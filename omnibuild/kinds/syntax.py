"""The kind ``syntax``: which modules of a project its interpreter cannot compile, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator

from omnibuild.digests import canonical_json
from omnibuild.errors import StepError
from omnibuild.execute.job import Job
from omnibuild.layers.step import layered_step
from omnibuild.regular import read_regular
from omnibuild.store.results import Output
from omnibuild.tree import Kind, Tree

ASK = """\
cat > /build/ask.py <<'END'
import json, os, sys

found = {}
with open("/build/paths.json") as stream:
    paths = json.load(stream)
for path in paths:
    try:
        with open(os.path.join(os.environ["PREFIX"], path), "rb") as stream:
            compile(stream.read(), path, "exec", dont_inherit=True)
    except SyntaxError as error:
        found[path] = f"line {error.lineno or 1}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        found[path] = str(error) or "it is nested too deeply"
with open("/build/answer.json", "w") as stream:
    json.dump(found, stream)
END
python3 -I -W ignore /build/ask.py
"""


def run(job: Job) -> Output:
    """Ask the interpreter about the modules that it left without bytecode.

    The output is JSON: path below the prefix to what is wrong. Mostly there is nothing to ask.
    Inputs: ``root``, ``layer:NAME`` (the interpreter and what it needs), ``tree`` (an installed
    project).
    """
    job.log.unlink(missing_ok=True)
    paths = sorted(without_bytecode(job.store.tree(job.inputs["tree"].digest)))
    if not paths:
        return job.store.add_blob(canonical_json({}))
    build = job.scratch / "build"
    build.mkdir()
    (build / "paths.json").write_text(json.dumps(paths))
    what = f"asking the interpreter about {job.subject}"
    job.run(layered_step(job, what, ASK, None, above=(job.tree("tree"),)), alone=True)
    try:
        found = json.loads(read_regular(build / "answer.json"))
    except (OSError, ValueError) as error:
        raise StepError(f"{what}: there is no answer", why=str(error)) from error
    return job.store.add_blob(canonical_json(found))


def without_bytecode(tree: Tree) -> Iterator[str]:
    """Yield the modules of an installed tree that have no bytecode beside them."""
    files = [entry.path for entry in tree.entries if entry.kind in (Kind.FILE, Kind.HARDLINK)]
    # `a/__pycache__/b.cpython-313.pyc` is of `a/b.py`.
    bytecode = (path for path in files if path.endswith(".pyc"))
    compiled = {path.replace("__pycache__/", "").rsplit(".", 2)[0] for path in bytecode}
    for path in files:
        if path.endswith(".py") and path.removesuffix(".py") not in compiled:
            yield path
