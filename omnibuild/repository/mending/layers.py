"""Layers of tarballs: what is damaged or gone is made again of the tarball."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from omnibuild.errors import RepositoryError
from omnibuild.repository import layout
from omnibuild.repository.layers.listing import Row, read_layer_list
from omnibuild.repository.layers.storing import layered
from omnibuild.repository.mending.packages import Files
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.entries import Download
from omnibuild.repository.targets.target import Target


def mend_layers(target: Target, files: Files, content: Channel) -> Iterator[tuple[str, bool]]:
    """Have all layers of a channel's tarballs.

    Yields the paths of what was damaged, and whether it is whole again: a tarball that is lost
    takes its layers with it, as far as no other has them.
    """
    for item in list(content.downloads):
        rows = _rows(target, item)
        whole = {row.identity: row for row in rows if files.has(row.file.path, row.digest)}
        damaged = [row.file.path for row in rows if row.identity not in whole]
        if item.layers and not rows:
            damaged.append(layout.layer_list(item.layers))
        can = bool(damaged) and files.has(layout.download_path(item.name), item.digest)
        if can:
            _make_again(target, content, item, whole, damaged)
        yield from ((path, can) for path in damaged)


def _rows(target: Target, item: Download) -> list[Row]:
    try:
        return read_layer_list(target, item.layers) if item.layers else []
    except RepositoryError:
        # Told as damaged, and made again, by who asks.
        return []


def _make_again(
    target: Target, content: Channel, item: Download, whole: dict[str, Row], damaged: list[str]
) -> None:
    for path in damaged:
        target.remove(path)
    with target.local(layout.download_path(item.name)) as tarball, target.scratch() as scratch:
        # Another libzstd makes other bytes of them, and so another list.
        layers = layered(tarball, item, whole, scratch).put(target)
    content.downloads.put(replace(item, layers=layers))
