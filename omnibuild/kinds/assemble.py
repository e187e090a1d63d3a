"""The kinds ``place``, ``payload`` and ``audit``: from built trees to a proven payload."""

from __future__ import annotations

import json

from omnibuild import digests
from omnibuild.audit.audit import audit
from omnibuild.execute.job import Job
from omnibuild.payload.assembly import Part, assemble
from omnibuild.payload.model import Payload
from omnibuild.payload.placing import place_tree
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from omnibuild.tree import Tree

PAYLOAD_FILE = "payload.json"


def run_place(job: Job) -> Output:
    """Move a tree from the logical prefix to the app's; parameters: ``prefix``."""
    source = job.inputs["tree"].digest
    target = job.scratch / "tree" / "files"
    tree = place_tree(
        job.store.tree(source),
        job.store.tree_directory(source),
        target,
        job.action.parameters["prefix"],
        touched=job.store.notes(source)["references"],
    )
    return job.store.add_scanned_tree(job.scratch / "tree", tree)


def run_payload(job: Job) -> Output:
    """Unite placed trees with the host integration.

    Parameters: ``recipe`` and everything else of :func:`assemble` as JSON data, ``parts`` (role
    to globs that are left out). Inputs: ``part:NAME`` placed trees, ``file:PATH`` blobs.
    """
    files = job.scratch / "tree" / "files"
    parts = tuple(
        Part(
            name,
            job.store.tree(output.digest),
            job.store.tree_directory(output.digest),
            tuple(job.action.parameters["prune"].get(name, ())),
        )
        for name, output in job.roles("part").items()
    )
    payload = assemble(parts, job.action.parameters, files / "files")
    (files / PAYLOAD_FILE).write_text(json.dumps(payload.to_data(), indent=1, sort_keys=True))
    return job.store.add_tree(job.scratch / "tree")


def load_payload(store: Store, digest: digests.Digest) -> Payload:
    """Return a stored payload, ready to be packaged."""
    base = store.tree_directory(digest)
    entries = [
        type(entry)(
            entry.path.removeprefix("files/"),
            entry.kind,
            entry.mode,
            entry.size,
            entry.digest,
            entry.target.removeprefix("files/") if entry.kind == "hardlink" else entry.target,
        )
        for entry in store.tree(digest).entries
        if entry.path.startswith("files/")
    ]
    data = json.loads((base / PAYLOAD_FILE).read_text())
    return Payload.from_data(data, base / "files", Tree.of(entries))


def run_audit(job: Job) -> Output:
    """Prove that a payload needs nothing beyond a platform; parameters: ``glibc``."""
    payload = load_payload(job.store, job.inputs["payload"].digest)
    report = audit(payload, job.action.parameters["glibc"])
    report.raise_if_failed()
    return job.store.add_blob(digests.canonical_json(report.to_data()))
