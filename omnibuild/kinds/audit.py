"""The kind ``audit``: a payload needs nothing beyond a platform."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from omnibuild import digests
from omnibuild.audit import owners
from omnibuild.audit.audit import audit
from omnibuild.audit.facts import NOTHING_SPECIAL, Facts, from_data
from omnibuild.audit.report import Keys
from omnibuild.execute.job import Job
from omnibuild.kinds.payload import load_payload
from omnibuild.payload.assembly import part_of
from omnibuild.payload.described import load_described
from omnibuild.payload.globs import with_all_below
from omnibuild.recipe.models import Waiver
from omnibuild.store.results import Output
from omnibuild.tree import Tree


def run(job: Job) -> Output:
    """Prove that a payload needs nothing beyond a platform.

    Parameters: ``glibc``, ``architecture``, ``owners`` (of parts, by their names), ``waivers`` and
    ``prune`` of the recipe. Inputs: ``payload``, and what it was made of as ``part:NAME``, which
    says what is in their files: only what is new in the payload is read; ``syntax:NAME``, what the
    interpreter says of the app's own modules.
    """
    known: dict[digests.Digest, Facts] = {}
    trees: dict[str, Tree] = {}
    for name, output in job.roles("part").items():
        tree, _, description = load_described(job.store, output.digest)
        known |= {entry.digest: NOTHING_SPECIAL for entry in tree.files()}
        known |= from_data(description["facts"])
        trees[name] = tree
    payload = load_payload(job.store, job.inputs["payload"].digest)
    parameters = job.action.parameters
    who = {name: owners.from_data(data) for name, data in parameters["owners"].items()}
    report = audit(
        payload,
        parameters["glibc"],
        parameters["architecture"],
        known,
        owners.of_payload(payload, [(name, who[name], tree) for name, tree in trees.items()]),
        msgspec.convert(parameters["waivers"], tuple[Waiver, ...]),
        uncompiled=dict(_uncompiled(job, payload.prefix)),
    )
    unused = (*report.unused, *_unused_globs(parameters["prune"], trees))
    report = replace(report, unused=unused)
    report.raise_if_failed()
    return job.store.add_blob(digests.canonical_json(report.to_data()))


def _uncompiled(job: Job, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield the paths of modules that the interpreter cannot compile, and what it says."""
    for output in job.roles("syntax").values():
        for path, why in json.loads(job.store.blob(output.digest).read_bytes()).items():
            yield f"{prefix.lstrip('/')}/{path}", why


def _unused_globs(prune: Mapping[str, Sequence[str]], trees: Mapping[str, Tree]) -> Iterator[Keys]:
    for name, globs in prune.items():
        paths = [entry.path for entry in trees[part_of(name, trees)].entries]
        used = set().union(*with_all_below(globs, paths).values())
        for number, glob in enumerate(globs):
            if glob not in used:
                yield ("python", "prune", name, number)
