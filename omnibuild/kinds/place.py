"""The kind ``place``: a built tree in the app's own directory, with what is known of its files.

Placing is the last time that all files are read: what later actions must know of their contents is
found out here, and kept by content in the tree's description.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from omnibuild.audit.facts import NOTHING_SPECIAL, facts_of, to_data
from omnibuild.execute.job import Job
from omnibuild.payload.bytecode import bytecode_alone
from omnibuild.payload.described import describe, files_directory
from omnibuild.payload.placing import place_tree
from omnibuild.store.results import Output
from omnibuild.tree import Tree


def run(job: Job) -> Output:
    """Move a tree from the logical prefix to the app's.

    Parameters: ``prefix``, ``sources`` (false where modules are bytecode alone). Described by
    ``facts`` (what is special about contents, for the audit) and ``md5``.
    """
    source = job.inputs["tree"].digest
    target = files_directory(job)
    tree = place_tree(
        job.store.tree(source),
        job.store.tree_directory(source),
        target,
        job.action.parameters["prefix"],
    )
    if not job.action.parameters.get("sources", True):
        tree = bytecode_alone(tree, target)
    return describe(job, tree, describe_contents(tree, target))


def describe_contents(tree: Tree, root: Path) -> dict[str, Any]:
    """Look into every file of the tree at ``root``; return plain JSON values, by content."""
    facts, md5 = {}, {}
    for entry in tree.files():
        if entry.digest not in md5:
            content = (root / entry.path).read_bytes()
            facts[entry.digest] = facts_of(content)
            # What `dpkg --verify` compares; it finds damage, and no trust rests on it.
            md5[entry.digest] = hashlib.md5(content, usedforsecurity=False).hexdigest()
    special = {digest: found for digest, found in facts.items() if found != NOTHING_SPECIAL}
    return {"facts": to_data(special), "md5": md5}
