"""Manifests: what is damaged or gone is taken out of the package again."""

from __future__ import annotations

from collections.abc import Iterator

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import OmnibuildError
from omnibuild.repository import intake
from omnibuild.repository.life.files import File, manifest_file, manifests_of
from omnibuild.repository.mending.packages import Files
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.targets.target import Target


def mend_manifests(
    target: Target, files: Files, name: str, content: Channel
) -> Iterator[tuple[str, bool]]:
    """Have all manifests of what a channel lists.

    Yields the paths of what was damaged, and whether it is whole again.
    """
    for digest, packages in manifests_of(name, content).items():
        path = manifest_file(digest).path
        if not files.has(path, digest):
            found = next(filter(None, (_inside(target, files, p, digest) for p in packages)), b"")
            if found:
                target.put(path, found)
            yield path, bool(found)


def _inside(target: Target, files: Files, package: File, digest: Digest) -> bytes:
    if not files.has(package.path, package.digest):
        return b""
    with target.local(package.path) as file:
        try:
            found = intake.inspect(file).manifest
        except OmnibuildError:
            # It is what was published, by a program that is not this one.
            return b""
    return found if digests.of_bytes(found) == digest else b""
