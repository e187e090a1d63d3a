"""Layers on their way into the repository: only what is not there is compressed and brought."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cmp_to_key
from pathlib import Path
from typing import TYPE_CHECKING, Final

from omnibuild.digests import Digest, of_bytes
from omnibuild.errors import RepositoryError, Where
from omnibuild.files import scratch_directory
from omnibuild.package.compression import CompressingSink, HashingSink
from omnibuild.package.versions import compare_debs
from omnibuild.repository import intake, layout
from omnibuild.repository.intake import Submission
from omnibuild.repository.layers.listing import Row, layer_list, read_layer_list
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.entries import Download
from omnibuild.repository.state.head import load
from omnibuild.repository.targets.target import Target

if TYPE_CHECKING:
    from omnibuild.repository.layers.division import Layer

# So many are compressed at a time: each takes memory, and several threads if it is large.
_AT_ONCE: Final = 2


@dataclass(frozen=True)
class Layered:
    """The layers of a tarball, of which those that the repository did not have are files here.

    Args:
        rows: all of them.
        files: of those that are new, by digest.
    """

    rows: Sequence[Row]
    files: Mapping[Digest, Path] = field(default_factory=dict)

    def put(self, target: Target) -> Digest:
        """Bring what is not there; return the digest of the list.

        Raises :class:`RepositoryError` for a layer that somebody removed meanwhile.
        """
        there = target.sizes(layout.LAYERS)
        for row in self.rows:
            path = layout.layer(row.digest)
            if _is_there(row, there):
                continue
            if row.digest not in self.files:
                raise RepositoryError(
                    "a layer was removed while a tarball with it was published",
                    where=Where(target.place(path)),
                    hint="publish again",
                )
            target.put_file(path, self.files[row.digest])
        document = layer_list(self.rows)
        digest = of_bytes(document)
        path = layout.layer_list(digest)
        if there.get(path.rpartition("/")[2]) != len(document):
            target.put(path, document)
        return digest


@contextlib.contextmanager
def layers_of(
    submissions: Sequence[Submission], target: Target
) -> Iterator[Mapping[Digest, Layered]]:
    """Yield the layers of tarballs by the tarballs' digests; none for those that stay whole.

    What the newest tarballs of the same name share is taken from their lists, and not compressed.
    """
    tarballs = [each for each in submissions if each.format == intake.TAR]
    if not tarballs:
        yield {}
        return
    channels = load(target).channels.values()
    there = target.sizes(layout.LAYERS)
    with target.scratch() as scratch:
        found: dict[Digest, Layered] = {}
        for each in tarballs:
            item = Download(name=each.name, digest=each.identity, size=0)
            rows = _published(target, item, channels, there)
            if rows or not item.parts[1]:
                found[each.identity] = Layered(rows)
                continue
            known = {row.identity: row for row in _known(target, item, channels, there)}
            found[each.identity] = layered(each.source, item, known, scratch)
        yield {digest: layered for digest, layered in found.items() if layered.rows}


def _published(
    target: Target, item: Download, channels: Iterable[Channel], there: Mapping[str, int]
) -> list[Row]:
    """Return the layers of a tarball that some channel holds, if all of them are there."""
    for channel in channels:
        entry = channel.downloads.get(item.key)
        if entry and entry.layers and entry.digest == item.digest:
            rows = _rows(target, entry.layers)
            if all(_is_there(row, there) for row in rows):
                return rows
    return []


def _known(
    target: Target, item: Download, channels: Iterable[Channel], there: Mapping[str, int]
) -> Iterator[Row]:
    """Yield layers that are there: of the newest version in each channel."""
    name, _, architecture = item.parts
    order = cmp_to_key(compare_debs)
    for digest in {
        max(found, key=lambda each: order(each.parts[1])).layers
        for channel in channels
        if (
            found := [
                each
                for each in channel.downloads.named(name)
                if each.layers and each.parts[2] == architecture
            ]
        )
    }:
        yield from (row for row in _rows(target, digest) if _is_there(row, there))


def _rows(target: Target, digest: Digest) -> list[Row]:
    """Return what a list says; of one that is damaged or gone, all layers are made again."""
    try:
        return read_layer_list(target, digest)
    except RepositoryError:
        return []


def _is_there(row: Row, there: Mapping[str, int]) -> bool:
    return there.get(layout.layer(row.digest).rpartition("/")[2]) == row.size


def layered(tarball: Path, item: Download, known: Mapping[Digest, Row], scratch: Path) -> Layered:
    """Return the layers of a tarball; those that are not known are made in a scratch directory.

    Args:
        tarball: the file.
        item: what it is in the repository.
        known: layers that are there, by their identities.
        scratch: takes the files of the others.
    """
    # Most that is published are packages, which need none of what reads archives.
    from omnibuild.repository.layers.division import divide

    rows: list[Row] = []
    files: dict[Digest, Path] = {}
    with scratch_directory(scratch) as contents, ThreadPoolExecutor(_AT_ONCE) as pool:
        layers = divide(tarball, item.parts[0], contents)
        new = [layer for layer in layers if layer.identity not in known]
        made = pool.map(lambda layer: _compressed(layer, contents, scratch), new)
        for row, path in made:
            files[row.digest] = path
            rows.append(row)
    all_rows = {**known, **{row.identity: row for row in rows}}
    return Layered([replace(all_rows[each.identity], title=each.title) for each in layers], files)


def _compressed(layer: Layer, contents: Path, scratch: Path) -> tuple[Row, Path]:
    path = scratch / f"{layer.identity}.tar.zst"
    with path.open("wb") as stream:
        output = HashingSink(stream)
        sink = CompressingSink(output, "zstd", "release")
        for block in layer.blocks(contents):
            sink.write(block)
        sink.close()
    return Row(output.digest, output.size, layer.size, layer.identity, layer.title), path
