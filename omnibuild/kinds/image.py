"""The kind ``image``: a file tree to compile in, of an image of a registry."""

from __future__ import annotations

from omnibuild import files
from omnibuild.execute.job import Job
from omnibuild.sources.archive import at_most
from omnibuild.sources.images import export_image
from omnibuild.sources.roots.pins import ImageRoot
from omnibuild.sources.roots.tree import unpack_root
from omnibuild.store.results import Output


def run(job: Job) -> Output:
    """Make a build root of an image; parameters: ``digest``; places: ``image``."""
    places, digest = job.action.places, job.action.parameters["digest"]
    root = ImageRoot(job.action.name, places["image"], digest)
    archive = job.scratch / "image.tar"
    export_image(root, archive)
    target = job.scratch / "tree" / "files"
    target.mkdir(parents=True)
    with open(job.log, "wb", opener=files.private) as log:
        unpack_root(archive, target, log, limits=at_most(job.limits.unpacked))
    output = job.store.add_tree(job.scratch / "tree")
    return Output("tree", output.digest, identity=root.identity)
