"""The kind ``package``: one payload, one file format, with its sidecars."""

from __future__ import annotations

import json

import msgspec

from omnibuild import digests, files
from omnibuild.execute.job import Job
from omnibuild.kinds.payload import MANIFEST_PATH, load_payload
from omnibuild.package.formats import FORMATS, write_package
from omnibuild.store.delivery import CHECKSUM_SUFFIX, MANIFEST_SUFFIX
from omnibuild.store.results import Output
from omnibuild.tree import Entry, Kind, Tree


def run(job: Job) -> Output:
    """Write an artifact; the output is a tree with the file, its checksum and its manifest.

    Parameters: ``format`` (its name to its settings), ``libraries`` (versions of the libraries
    that compress), ``effort`` (how hard they do). Inputs: ``payload``.
    """
    parameters = job.action.parameters
    ((name, settings),) = parameters["format"].items()
    directory = job.scratch / "tree" / "files"
    directory.mkdir(parents=True)
    payload = load_payload(job.store, job.inputs["payload"].digest)
    form = msgspec.convert(settings, FORMATS[name].settings)
    artifact = write_package(payload, form, directory, parameters["effort"])
    path = payload.root / payload.prefix.lstrip("/") / MANIFEST_PATH
    described = json.loads(path.read_bytes()) | {
        "artifact": {"file": artifact.path.name, "sha256": artifact.digest, "size": artifact.size}
    }
    manifest = (json.dumps(described, indent=2, sort_keys=True) + "\n").encode()
    files.write_atomic(directory / f"{artifact.path.name}{MANIFEST_SUFFIX}", manifest)
    # All of it is hashed already: it need not be read again to be stored.
    tree = Tree.of(
        (
            Entry(artifact.path.name, Kind.FILE, 0o644, artifact.size, artifact.digest),
            _file(f"{artifact.path.name}{CHECKSUM_SUFFIX}", artifact.checksum_line.encode()),
            _file(f"{artifact.path.name}{MANIFEST_SUFFIX}", manifest),
        )
    )
    return job.store.add_scanned_tree(job.scratch / "tree", tree)


def _file(name: str, content: bytes) -> Entry:
    return Entry(name, Kind.FILE, 0o644, len(content), digests.of_bytes(content))
