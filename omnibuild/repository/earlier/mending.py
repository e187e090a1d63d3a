"""Earlier states: what is damaged is there as it was, or is not there.

Readers in flight ask for it by a digest or with a signature. Where the content is lost, "not found"
has them begin anew with the present; other content would be an attack to them, and stays in caches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from omnibuild.events import Emit
from omnibuild.repository import layout
from omnibuild.repository.earlier.damage import Damage, Earlier
from omnibuild.repository.mending.packages import Files
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.head import Repository
from omnibuild.repository.targets.target import Target
from omnibuild.repository.yum.metadata import Metadata
from omnibuild.repository.yum.tree import MIRRORLIST, Tree, revision, shard_of, trees_of
from omnibuild.signing.verifier import Verifier

_REPOMD = "repodata/repomd.xml"


def mend_earlier(earlier: Earlier, emit: Emit) -> Iterator[tuple[Damage, bool]]:
    """Have nothing damaged of earlier states, once hosts are shown the present.

    Yields what was, and whether it is whole again: else it is removed.
    """
    found = earlier.damaged()
    if not found:
        return
    # Who shows something may need such a file again, and writes it.
    with earlier.target.locked(layout.SHOWING, emit):
        found = earlier.still_damaged(found)
        copies = earlier.alike({each.digest for each in found if each.digest})
        lost = Files(earlier.target, earlier.head.repository.keys).mend(copies)
        gone = {each.path for each in found if not each.digest or each.path in lost}
        earlier.target.remove(*sorted(gone))
    yield from ((each, each.path not in gone) for each in found)


def mend_generations(
    target: Target, record: Repository, channels: Mapping[str, Channel], verifier: Verifier
) -> Iterator[str]:
    """Have the repomd.xml again that a generation's signature is of, where hosts are sent to it.

    A generation never changes, as caches have it: it is again what was signed, or whoever shows the
    repository next makes another one. Yields the paths of what is whole again.
    """
    for channel, content in channels.items() if record.base_url else ():
        for name in content.trees:
            for tree in trees_of(channel, name, content, record.title):
                base = f"{record.base_url}/{tree.directory}/"
                place = target.read(f"{tree.directory}/{MIRRORLIST}").decode(errors="replace")
                generation = place.strip().removeprefix(base).strip("/")
                path = f"{tree.directory}/{generation}/{_REPOMD}"
                if layout.GENERATION.fullmatch(generation) and _mended(
                    target, tree, path, base, verifier
                ):
                    yield path


def _mended(target: Target, tree: Tree, path: str, base: str, verifier: Verifier) -> bool:
    """Write a damaged repomd.xml if it can be told what was signed; tell whether it was so."""
    found, signature = target.read(path), target.read(f"{path}{layout.SIGNATURE}")
    if not signature or verifier.is_signed(found, signature):
        return False
    metadata = Metadata(tree.pieces, partial(shard_of, target), {}, base, tree.advisories)
    # It is as old as the plain metadata, unless that was mended since.
    for repomd in (found, target.read(f"{tree.directory}/{_REPOMD}")):
        text = metadata.repomd(revision(repomd))
        if verifier.is_signed(text, signature):
            return target.put(path, text)
    return False
