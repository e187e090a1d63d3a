"""The kind ``package``: one payload, one file format, with its sidecars."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import msgspec

from omnibuild import digests, files
from omnibuild.digests import Digest
from omnibuild.errors import PackageError
from omnibuild.execute.job import Job
from omnibuild.kinds.payload import load_payload
from omnibuild.package.artifact import Artifact
from omnibuild.package.formats import FORMATS, write_package
from omnibuild.package.formats.format import Base, Kept, Making
from omnibuild.payload.assembly import where_pruned
from omnibuild.payload.described import load_described
from omnibuild.payload.model import Payload
from omnibuild.provenance.described import MANIFEST
from omnibuild.store.delivery import CHECKSUM_SUFFIX, MANIFEST_SUFFIX
from omnibuild.store.results import Output, Result
from omnibuild.tree import Entry, Kind, Tree


def run(job: Job) -> Output:
    """Write an artifact; the output is a tree with the file, its checksum and its manifest.

    Parameters: ``format`` (its name to its settings), ``libraries`` (versions of the libraries
    that compress), ``effort`` (how hard they do). Inputs: ``payload``; for formats that keep or
    tell the parts of an app apart, ``part:NAME`` placed trees; ``base``, the tree that images lie
    on; ``symbols`` for a package of these alone.
    """
    parameters = job.action.parameters
    ((name, settings),) = parameters["format"].items()
    directory = job.scratch / "tree" / "files"
    directory.mkdir(parents=True)
    payload = load_payload(job.store, job.inputs["payload"].digest)
    form = msgspec.convert(settings, FORMATS[name].settings)
    described = json.loads((payload.root / payload.prefix.lstrip("/") / MANIFEST).read_bytes())
    if (symbols := FORMATS[name].symbols) and "symbols" in job.inputs:
        tree = job.store.tree(job.inputs["symbols"].digest)
        payload = symbols(payload, form, job.tree("symbols"), tree)
    with _told_whose(payload):
        artifact = write_package(payload, form, _making(job, directory))
    return stored(job, artifact, described, 0o644)


def stored(job: Job, artifact: Artifact, described: Mapping[str, Any], mode: int) -> Output:
    """Store an artifact with its checksum and its manifest.

    Args:
        job: the artifact is in its ``tree/files``, with its checksum beside it.
        artifact: the file.
        described: what the manifest says of what is in it.
        mode: of the file.
    """
    described = dict(described) | {
        "artifact": {"file": artifact.path.name, "sha256": artifact.digest, "size": artifact.size}
    }
    manifest = (json.dumps(described, indent=2, sort_keys=True) + "\n").encode()
    files.write_atomic(artifact.path.with_name(f"{artifact.path.name}{MANIFEST_SUFFIX}"), manifest)
    # All of it is hashed already: it need not be read again to be stored.
    tree = Tree.of(
        (
            Entry(artifact.path.name, Kind.FILE, mode, artifact.size, artifact.digest),
            _file(f"{artifact.path.name}{CHECKSUM_SUFFIX}", artifact.checksum_line.encode()),
            _file(f"{artifact.path.name}{MANIFEST_SUFFIX}", manifest),
        )
    )
    return job.store.add_scanned_tree(job.scratch / "tree", tree)


@contextlib.contextmanager
def _told_whose(payload: Payload) -> Iterator[None]:
    """Let an error about an entry say who brought it, and so who can leave it out."""
    try:
        yield
    except PackageError as error:
        if not (part := payload.odd.get(error.path)):
            raise
        hint = f"{error.hint or 'prune it'}; {where_pruned(part)}"
        why = f"{error.why}\nit comes with {part}".strip()
        raise PackageError(error.what, why=why, hint=hint) from error


def _making(job: Job, directory: Path) -> Making:
    base = None
    if "base" in job.inputs:
        base = Base(job.store.tree(job.inputs["base"].digest), job.tree("base"))
    return Making(
        directory,
        job.action.parameters["effort"],
        parts={
            name: load_described(job.store, output.digest)[0]
            for name, output in job.roles("part").items()
        },
        base=base,
        keep=lambda made_of, write: _keep(job, made_of, write),
    )


def _keep(job: Job, made_of: Any, write: Callable[[IO[bytes]], Digest]) -> Kept:
    """Return a piece of an artifact from the store, made there now or by another action."""
    store, key = job.store, digests.of_json(made_of)
    if (result := store.result(key)) and store.take(result.output):
        output = result.output
    else:
        path = job.scratch / f"{key}.piece"
        with path.open("wb") as stream:
            told = write(stream)
        output = store.add_file(path, identity=told)
        store.record(key, Result(output))
    return Kept(store.blob(output.digest), output.digest, output.identity)


def _file(name: str, content: bytes) -> Entry:
    return Entry(name, Kind.FILE, 0o644, len(content), digests.of_bytes(content))
