"""The kind ``audit``: a payload needs nothing beyond a platform."""

from __future__ import annotations

from omnibuild import digests
from omnibuild.audit.audit import audit
from omnibuild.audit.facts import NOTHING_SPECIAL, Facts, from_data
from omnibuild.execute.job import Job
from omnibuild.kinds.payload import load_payload
from omnibuild.payload.described import load_described
from omnibuild.store.results import Output


def run(job: Job) -> Output:
    """Prove that a payload needs nothing beyond a platform.

    Parameters: ``glibc``, ``architecture``. Inputs: ``payload``, and what it was made of as
    ``part:NAME``, which says what is in their files: only what is new in the payload is read.
    """
    known: dict[digests.Digest, Facts] = {}
    for output in job.roles("part").values():
        tree, _, description = load_described(job.store, output.digest)
        known |= {entry.digest: NOTHING_SPECIAL for entry in tree.files()}
        known |= from_data(description["facts"])
    payload = load_payload(job.store, job.inputs["payload"].digest)
    parameters = job.action.parameters
    report = audit(payload, parameters["glibc"], parameters["architecture"], known)
    report.raise_if_failed()
    return job.store.add_blob(digests.canonical_json(report.to_data()))
