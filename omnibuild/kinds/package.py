"""The kind ``package``: one payload, one file format, with its sidecars."""

from __future__ import annotations

import json

import msgspec

from omnibuild.execute.job import Job
from omnibuild.kinds.assemble import MANIFEST_PATH, load_payload
from omnibuild.package.write import write_package
from omnibuild.recipe.models import Debian, Rpm, Tar
from omnibuild.store.results import Output

FORMATS: dict[str, type[Debian | Rpm | Tar]] = {"deb": Debian, "rpm": Rpm, "tar": Tar}


def run_package(job: Job) -> Output:
    """Write an artifact; the output is a tree with the file, its checksum and its manifest.

    Parameters: ``format`` (its name to its settings), ``libraries`` (versions of the libraries
    that compress). Inputs: ``payload``.
    """
    ((name, settings),) = job.action.parameters["format"].items()
    files = job.scratch / "tree" / "files"
    files.mkdir(parents=True)
    payload = load_payload(job.store, job.inputs["payload"].digest)
    artifact = write_package(payload, msgspec.convert(settings, FORMATS[name]), files)
    manifest = payload.root / payload.prefix.lstrip("/") / MANIFEST_PATH
    described = json.loads(manifest.read_bytes()) | {
        "artifact": {"file": artifact.path.name, "sha256": artifact.digest, "size": artifact.size}
    }
    (files / f"{artifact.path.name}.manifest.json").write_text(
        json.dumps(described, indent=2, sort_keys=True) + "\n"
    )
    return job.store.add_tree(job.scratch / "tree")
