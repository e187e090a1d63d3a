"""Described trees: files below ``files/``, and beside them one JSON document about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.execute.job import Job
from omnibuild.store.results import Output
from omnibuild.store.store import Store
from omnibuild.tree import Entry, Kind, Tree

FILES = "files"
DOCUMENT = "description.json"


def files_directory(job: Job) -> Path:
    """Return where a job puts the files that :func:`describe` stores."""
    return job.scratch / "tree" / "files" / FILES


def describe(job: Job, tree: Tree, description: Any) -> Output:
    """Store the files of a job with a description.

    Args:
        job: has its files in :func:`files_directory`.
        tree: what they are.
        description: plain JSON values.
    """
    directory = files_directory(job)
    directory.chmod(0o755)
    document = digests.canonical_json(description)
    (directory.parent / DOCUMENT).write_bytes(document)
    (directory.parent / DOCUMENT).chmod(0o644)
    entries = [
        Entry(FILES, Kind.DIRECTORY, 0o755),
        Entry(DOCUMENT, Kind.FILE, 0o644, len(document), digests.of_bytes(document)),
        *(_moved(entry, f"{FILES}/", "") for entry in tree.entries),
    ]
    return job.store.add_scanned_tree(job.scratch / "tree", Tree.of(entries))


def load_described(store: Store, digest: Digest) -> tuple[Tree, Path, Any]:
    """Return a stored tree's files, the directory they are in, and what describes them."""
    base = store.tree_directory(digest)
    entries = tuple(
        _moved(entry, "", f"{FILES}/")
        for entry in store.tree(digest).entries
        if entry.path.startswith(f"{FILES}/")
    )
    return Tree(entries), base / FILES, json.loads((base / DOCUMENT).read_bytes())


def _moved(entry: Entry, into: str, out_of: str) -> Entry:
    """Return an entry below another directory; trees have thousands, so without ``replace``."""
    target = entry.target
    if entry.kind is Kind.HARDLINK:
        target = into + target.removeprefix(out_of)
    path = into + entry.path.removeprefix(out_of)
    return Entry(path, entry.kind, entry.mode, entry.size, entry.digest, target)
