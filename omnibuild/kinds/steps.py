"""The kind ``steps``: what the recipe's own build steps make of the installed app."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from omnibuild.errors import CaptureError
from omnibuild.execute.job import Job
from omnibuild.execute.sandbox.step import Step
from omnibuild.execute.sandbox.union import link_layers
from omnibuild.kinds.backend import write_commands
from omnibuild.layers.capture import capture, keep
from omnibuild.layers.environment import SHARE
from omnibuild.layers.step import in_turn, layered_step
from omnibuild.payload.assembly import Part, assemble
from omnibuild.payload.placing import LOGICAL_PREFIX
from omnibuild.sources.python.backends import AS_IT_IS
from omnibuild.store.results import Output
from omnibuild.tree import Kind, Tree

_MOST_SHOWN = 10


def run(job: Job) -> Output:
    """Run build steps over the installed app, and keep what they add to it.

    Parameters: ``steps`` (shell texts), ``prune`` (part to globs that are left out), ``python``
    (series, empty without), ``project`` (the part that is the app's own, empty without),
    ``environment``. Inputs: ``root``, ``part:NAME`` (what is installed, and components that only
    the steps need), ``source`` for a project that is installed as a wheel.
    """
    job.log.unlink(missing_ok=True)
    job.run(prepare_steps(job))
    upper = job.scratch / "tree" / "files"
    who = f"a build step of {job.subject}"
    if not any(names for _, _, names in os.walk(upper)):
        raise CaptureError(
            f"the build steps of {job.subject} wrote nothing that the app would have",
            why="neither below $PREFIX/share nor beside the project's own files",
            hint="let them write below the directory that is in $<APP>_SHARE",
        )
    layers = {part.name.partition(":")[2] or part.name: part.tree for part in _parts(job)}
    tree = capture(who, upper, layers)
    own = own_directories(job.action.parameters["project"], _parts(job))
    if misplaced := list(outside(tree, layers.values(), own)):
        raise _misplaced(who, misplaced, own)
    return keep(job, tree)


def prepare_steps(job: Job) -> Step:
    """Lay out the installed app and return the step that runs all of the recipe's."""
    parameters = job.action.parameters
    installed, build = job.scratch / "installed", job.scratch / "build"
    # As the payload will have it: with the same files left out, and the same conflicts refused.
    assemble(_parts(job), LOGICAL_PREFIX, {}, {}, installed)
    above = [installed / LOGICAL_PREFIX.lstrip("/")]
    build.mkdir()
    if parameters["python"]:
        packages = f"lib/python{parameters['python']}/site-packages"
        write_commands(above[0] / packages, build / "bin")
        _write_python(build / "bin/python")
    if "source" in job.inputs:
        above.append(job.scratch / "source")
        (above[-1] / AS_IT_IS).mkdir(parents=True)
        link_layers([job.tree("source")], above[-1] / AS_IT_IS)
    upper = job.scratch / "tree" / "files"
    upper.mkdir(parents=True)
    there = any((layer / AS_IT_IS).is_dir() for layer in above)
    step = layered_step(
        job,
        f"a build step of {job.subject}",
        "\n".join(["umask 022", *in_turn(parameters["steps"], build)]),
        upper,
        tuple(above),
        f"{LOGICAL_PREFIX}/{AS_IT_IS}" if there else LOGICAL_PREFIX,
    )
    path = f"/build/bin:{step.environment['PATH']}"
    return replace(step, environment={**step.environment, "PATH": path})


def _write_python(path: Path) -> None:
    """Let the app's interpreter have the name that people call it by."""
    path.parent.mkdir(exist_ok=True)
    path.write_text('#!/bin/sh\nexec python3 "$@"\n')
    path.chmod(0o755)


def _parts(job: Job) -> list[Part]:
    prune = job.action.parameters["prune"]
    # By name: the order of a plan is in no key.
    return [
        Part(
            name,
            job.store.tree(output.digest),
            job.store.tree_directory(output.digest),
            tuple(prune.get(name, ())),
        )
        for name, output in sorted(job.roles("part").items())
    ]


def own_directories(project: str, parts: Iterable[Part]) -> frozenset[str]:
    """Return the directories that one part alone brings, as ``app`` or that of its package."""
    own: set[str] = set()
    others: set[str] = set()
    for part in parts:
        found = {entry.path for entry in part.tree.entries if entry.kind is Kind.DIRECTORY}
        (own if part.name == project else others).update(found)
    return frozenset(own - others)


def outside(tree: Tree, layers: Iterable[Tree], own: frozenset[str]) -> Iterator[str]:
    """Yield what was written elsewhere than below ``share/`` or the given directories."""
    there = {entry.path for layer in layers for entry in layer.entries} | own
    for entry in tree.entries:
        if entry.kind is Kind.DIRECTORY and entry.path in there:
            continue
        directories = {str(parent) for parent in Path(entry.path).parents}
        if entry.path != SHARE and not directories & {SHARE, *own}:
            yield entry.path


def _misplaced(who: str, paths: list[str], own: frozenset[str]) -> CaptureError:
    tops = sorted(path for path in own if os.path.dirname(path) not in own)
    places = [f"$PREFIX/{path}/" for path in (SHARE, *tops) if not path.endswith(".dist-info")]
    more = f"\nand {len(paths) - _MOST_SHOWN} more" if len(paths) > _MOST_SHOWN else ""
    return CaptureError(
        f"{who} wrote where it may not",
        why="\n".join(f"$PREFIX/{shlex.quote(path)}" for path in paths[:_MOST_SHOWN]) + more,
        hint=f"what the app keeps goes below {' or '.join(places)}; all else below /build or /tmp,"
        " which nobody keeps",
    )
