"""The list of a tarball's layers, by which hosts know what to fetch; it never changes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from omnibuild.digests import Digest, of_bytes
from omnibuild.errors import RepositoryError, Where
from omnibuild.repository import layout
from omnibuild.repository.life.files import File
from omnibuild.repository.state.entries import Download
from omnibuild.repository.targets.target import Target

_HEAD: Final = "omnibuild layers 1"
_FIELDS: Final = 6


@dataclass(frozen=True)
class Row:
    """A layer in the repository.

    Args:
        digest: of the file.
        size: its bytes.
        unpacked: bytes of what is in it.
        identity: of what is in it.
        title: what it brings, for people.
    """

    digest: Digest
    size: int
    unpacked: int
    identity: Digest
    title: str

    @property
    def file(self) -> File:
        """Where it lies."""
        return File(layout.layer(self.digest), self.size, self.digest)


def layer_list(rows: Sequence[Row]) -> bytes:
    """Return the list, in the order in which layers are unpacked."""
    lines = [f"layer {r.digest} {r.size} {r.unpacked} {r.identity} {r.title}" for r in rows]
    return "".join(f"{line}\n" for line in (_HEAD, *lines)).encode()


def read_layer_list(target: Target, digest: Digest) -> list[Row]:
    """Return the layers of a list; raises :class:`RepositoryError` if it is damaged or gone."""
    path = layout.layer_list(digest)
    data = target.read(path)
    if of_bytes(data) != digest:
        raise RepositoryError(
            "a list of layers is damaged" if data else "a list of layers is gone",
            where=Where(target.place(path)),
            hint="publish the tarball again that it is of",
        )
    return [_row(line) for line in data.decode().splitlines()[1:]]


def _row(line: str) -> Row:
    _, digest, size, unpacked, identity, title = line.split(" ", _FIELDS - 1)
    return Row(digest, int(size), int(unpacked), identity, title)


def layer_files(target: Target, item: Download) -> Iterator[File]:
    """Yield the list of a tarball's layers and these, as far as it has any.

    Raises :class:`RepositoryError` if the list is damaged or gone.
    """
    if item.layers:
        rows = read_layer_list(target, item.layers)
        yield File(layout.layer_list(item.layers), len(layer_list(rows)), item.layers)
        yield from (row.file for row in rows)


def layer_paths(target: Target, item: Download) -> Iterator[str]:
    """Yield where the list of a tarball's layers and these lie, as far as it has any.

    Of a list that is damaged or gone only its own path: hosts take nothing by it either, and who
    makes it again makes its layers, too.
    """
    if item.layers:
        yield layout.layer_list(item.layers)
        with contextlib.suppress(RepositoryError):
            yield from [row.file.path for row in read_layer_list(target, item.layers)]
