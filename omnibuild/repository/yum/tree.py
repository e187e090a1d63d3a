"""The yum side: metadata, its signature, and immutable generations.

dnf reads repomd.xml and then its signature: two files, which no server replaces at one moment.
So a complete generation is written to a directory of its own, and the one-line file ``mirrorlist``
names it: a reader sees one generation or the other. A plain ``repodata/`` beside it serves mirror
programs and readers that know no mirrorlist.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import msgspec
from msgspec import Struct

from omnibuild.digests import Digest
from omnibuild.patterns import regex
from omnibuild.repository import layout
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.damage import UNREADABLE
from omnibuild.repository.state.entries import NOARCH, Rpm
from omnibuild.repository.state.ledger import Ledger
from omnibuild.repository.targets.target import KEPT_SECONDS, Target
from omnibuild.repository.yum.metadata import (
    ELEMENTS,
    Metadata,
    Piece,
    Record,
    end_of,
    part_path,
)
from omnibuild.repository.yum.updateinfo import updateinfo
from omnibuild.signing.signer import Signer

MIRRORLIST = "mirrorlist"
# Readers in flight still find the generation they began with.
KEPT_GENERATIONS = 8

_REVISION = regex(rb"<revision>([0-9]{1,12})</revision>")
_DATES = regex(rb"<(revision|timestamp)>[0-9]+</\1>")


def pieces_of(*ledgers: Ledger[Rpm]) -> list[Piece]:
    """Return the packages of some lists."""
    return [
        Piece(leaf.digest, leaf.count, partial(ledger.entries, number))
        for ledger in ledgers
        for number, leaf in enumerate(ledger.leaves)
    ]


class Tree(Struct, frozen=True):
    """One architecture of a tree.

    Args:
        directory: where it is.
        advisories: what updateinfo.xml says of its packages; empty: nothing.
        kept: for how many seconds readers in flight find what was replaced.
    """

    directory: str
    pieces: Sequence[Piece]
    advisories: str = ""
    kept: float = KEPT_SECONDS


def trees_of(channel: str, name: str, content: Channel, title: str) -> Iterator[Tree]:
    """Yield each architecture of a tree of a channel, with what that holds for it."""
    index = content.trees[name]
    for architecture in index.architectures:
        names = dict.fromkeys((architecture, NOARCH))
        ledgers = [index.lists[each] for each in names if each in index.lists]
        yield Tree(
            layout.yum_directory(channel, name, architecture),
            pieces_of(*ledgers),
            updateinfo(content.advisories, ledgers, title),
        )


def publish_tree(target: Target, tree: Tree, signer: Signer, now: int, base_url: str) -> bool:
    """Write one architecture of a tree, pointers last; tell whether anything was not so before.

    Also a tree that says what it shall is looked through: what is damaged is written again.
    Without ``base_url`` there is only the plain ``repodata/``: mirrorlists hold whole addresses.
    """
    directory, pieces = tree.directory, tree.pieces
    plain = Metadata(
        pieces,
        partial(shard_of, target),
        _known(target, directory, ""),
        advisories=tree.advisories,
    )
    changed = _publish_plain(target, directory, plain, signer, now, tree.kept)
    _keep(target, directory, plain, "")
    if base_url:
        base = f"{base_url}/{directory}/"
        # The two differ in addresses alone, which only one type has.
        known = {
            (kind, piece.name): member
            for kind, members in plain.members.items()
            for piece, member in zip(pieces, members, strict=True)
            if kind != "primary"
        }
        known |= _known(target, directory, base)
        generation = Metadata(pieces, partial(shard_of, target), known, base, tree.advisories)
        newest = _newest_generation(target, directory, generation)
        changed |= _publish_generation(
            target, directory, newest, generation, signer, now, tree.kept
        )
        _keep(target, directory, generation, f"{newest}/")
    return changed


def shard_of(target: Target, rpm: Rpm) -> bytes:
    """Return the list of an rpm's files, compressed."""
    return target.read(layout.filelists_shard(rpm.identity))


def _keep(target: Target, directory: str, metadata: Metadata, place: str) -> None:
    path = layout.packed_tree(directory, based=bool(metadata.base))
    target.put(path, msgspec.json.encode(metadata.record(place)) + b"\n")


def _known(target: Target, directory: str, base: str) -> dict[tuple[str, Digest], bytes]:
    """Return what pieces became when the tree was last published, as far as that is undamaged."""
    try:
        data = target.read(layout.packed_tree(directory, based=bool(base)))
        record = msgspec.json.decode(data, type=Record)
    except UNREADABLE:
        return {}
    found: dict[tuple[str, Digest], bytes] = {}
    for kind, (path, lengths) in record.files.items():
        # Of a generation only what is its own: the rest is as in the plain metadata.
        if record.base != base or kind not in ELEMENTS or (base and kind != "primary"):
            continue
        served = target.read(f"{directory}/{path}")
        if path.endswith(part_path(kind, served)):
            start = len(served) - sum(lengths) - len(end_of(kind))
            for name, length in zip(record.pieces, lengths, strict=False):
                found[kind, name] = served[start : start + length]
                start += length
    return found


def _publish_plain(
    target: Target, directory: str, metadata: Metadata, signer: Signer, now: int, kept: float
) -> bool:
    current = {path.rpartition("/")[2] for path in metadata.files()}
    old = [
        name
        for name in target.names(f"{directory}/repodata")
        if name.endswith(".xml.gz") and name not in current
    ]
    published = target.read(f"{directory}/repodata/repomd.xml").decode(errors="replace")
    target.retire(f"{directory}/repodata/{name}" for name in old if name in published)
    changed = _write(target, directory, metadata, signer, now)
    # Several may be of one moment: counted are those of each kind.
    for kind in sorted({name.rpartition("-")[2] for name in old}):
        of_kind = [name for name in old if name.endswith(f"-{kind}")]
        target.drop_retired(f"{directory}/repodata", of_kind, keep=KEPT_GENERATIONS, seconds=kept)
    return changed


def _newest_generation(target: Target, directory: str, metadata: Metadata) -> str:
    """Return the generation that holds this metadata, or a new one for it."""
    number = max(_generations(target, directory), default=0)
    if _is_current(target, f"{directory}/gen-{number}", metadata):
        return f"gen-{number}"
    return f"gen-{number + 1}"


def _publish_generation(
    target: Target,
    directory: str,
    newest: str,
    metadata: Metadata,
    signer: Signer,
    now: int,
    kept: float,
) -> bool:
    # The plain metadata is later than that of the state before, also within one second.
    now = max(now, revision(target.read(f"{directory}/repodata/repomd.xml")))
    changed = _write(target, f"{directory}/{newest}", metadata, signer, now)
    generations = [f"gen-{number}" for number in _generations(target, directory)]
    old = [name for name in generations if name != newest]
    before = target.read(f"{directory}/{MIRRORLIST}").decode(errors="replace")
    target.retire(f"{directory}/{name}" for name in old if f"/{name}/" in before)
    changed |= target.put(f"{directory}/{MIRRORLIST}", f"{metadata.base}{newest}/\n".encode())
    target.drop_retired(directory, old, keep=KEPT_GENERATIONS, seconds=kept)
    return changed


def _write(target: Target, directory: str, metadata: Metadata, signer: Signer, now: int) -> bool:
    """Write metadata, the parts first; what is there already and whole stays as it is."""
    published = target.read(f"{directory}/repodata/repomd.xml")
    repomd = metadata.repomd(max(now, revision(published) + 1))
    if _undated(repomd) == _undated(published):
        repomd = published
    # No signature that is there can be of what is new.
    there = repomd == published
    signature = target.read(f"{directory}/repodata/repomd.xml.asc") if there else b""
    if not signer.has_signed(repomd, signature):
        signature = signer.sign_detached_armored(repomd)
    parts = {f"{directory}/{path}": data for path, data in metadata.files().items()}
    pair = {"repomd.xml.asc": signature, "repomd.xml": repomd}
    changed = target.put_all(parts)
    # Between these two renames a reader of the plain directory finds an unfitting signature.
    changed += target.put_all({f"{directory}/repodata/{n}": d for n, d in pair.items()})
    return bool(changed)


def revision(repomd: bytes) -> int:
    """Return the date of a repomd.xml, in seconds since 1970; 0 when it has none."""
    match = _REVISION.search(repomd)
    return int(match[1]) if match else 0


def _is_current(target: Target, directory: str, metadata: Metadata) -> bool:
    published = target.read(f"{directory}/repodata/repomd.xml")
    return _undated(published) == _undated(metadata.repomd(0))


def _undated(repomd: bytes) -> bytes:
    return _DATES.sub(b"", repomd)


def _generations(target: Target, directory: str) -> list[int]:
    matches = map(layout.GENERATION.fullmatch, target.names(directory))
    return sorted(int(match[1]) for match in matches if match)
