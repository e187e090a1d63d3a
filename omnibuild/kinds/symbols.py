"""The kind ``symbols``: debug symbols of an app's components, where debuggers look for them."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from omnibuild.execute.job import Job
from omnibuild.payload.described import load_described
from omnibuild.payload.placing import link_or_copy
from omnibuild.payload.symbols import on_hosts
from omnibuild.store.results import Output
from omnibuild.tree import Entry, Kind, Tree


def run(job: Job) -> Output:
    """Lay out the symbols of placed parts below ``usr/lib/debug``.

    Inputs: ``part:NAME`` placed trees.
    """
    target = job.scratch / "tree" / "files"
    entries: dict[str, Entry] = {}
    sources: dict[str, Path] = {}
    for output in job.roles("part").values():
        tree, directory, _ = load_described(job.store, output.digest)
        places = {entry.digest: directory / entry.path for entry in tree.files()}
        for path, entry in on_hosts(tree).items():
            # Two parts may have the same program.
            entries.setdefault(path, entry)
            sources.setdefault(path, places[entry.digest])
    target.mkdir(parents=True)
    above = {str(above) for path in entries for above in list(PurePosixPath(path).parents)[:-1]}
    for path in sorted(above):
        (target / path).mkdir()
        (target / path).chmod(0o755)
    for path, source in sources.items():
        link_or_copy(source, target / path, entries[path].mode)
    directories = (Entry(path, Kind.DIRECTORY, 0o755) for path in above)
    return job.store.add_scanned_tree(target.parent, Tree.of((*directories, *entries.values())))
