"""Layers of an image: what changes together lies together, and what seldom changes lies below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from omnibuild.errors import PackageError
from omnibuild.package.formats.format import Base
from omnibuild.package.members import archive_members, content
from omnibuild.package.oci.layout import WHITEOUT
from omnibuild.package.tarstream import tar_stream
from omnibuild.payload.assembly import paths_in
from omnibuild.payload.model import Payload
from omnibuild.tree import Entry, Kind, Tree

# Engines mount at most 128 layers at once, and whoever builds upon the image wants some as well.
MOST_PARTS: Final = 64

_OF_BUILDING: Final = ("build/", "omb/")
_TEMPORARY: Final = ("tmp", "var/tmp")


@dataclass(frozen=True)
class Layer:
    """One layer, before it is packed.

    Args:
        title: what it brings, for the image's history.
        members: its entries, parents before children.
        directory: where contents are, at the members' paths.
        own: contents that are nowhere else, by their paths.
        owners: user and group, as numbers, of the paths that are not root's.
        capabilities: the attribute of programs that have some, by their paths.
    """

    title: str
    members: tuple[Entry, ...]
    directory: Path
    own: Mapping[str, bytes] = field(default_factory=dict)
    owners: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    capabilities: Mapping[str, bytes] = field(default_factory=dict)

    def blocks(self, date: int) -> Iterator[bytes]:
        """Yield the layer as a tar archive; every entry carries ``date``."""
        return tar_stream(
            self.members,
            top=".",
            date=date,
            read=self._read,
            owners=self.owners,
            capabilities=self.capabilities,
        )

    def _read(self, entry: Entry) -> Iterable[bytes]:
        if entry.path in self.own:
            return (self.own[entry.path],)
        return content(self.directory, entry)


def base_layer(base: Base) -> Layer:
    """Return the lowest layer, without what only building needs; everybody may write to /tmp."""
    there = [e for e in base.tree.entries if not f"{e.path}/".startswith(_OF_BUILDING)]
    open_to_all = {Entry(path, Kind.DIRECTORY, 0o1777) for path in _TEMPORARY}
    kept = [entry for entry in there if entry.path not in _TEMPORARY]
    return make_layer("base", (*kept, *open_to_all), base.directory)


def part_layers(
    payload: Payload,
    entries: Mapping[str, Entry],
    parts: Mapping[str, Tree],
    owners: Mapping[str, tuple[int, int]],
) -> tuple[list[Layer], tuple[Entry, ...]]:
    """Return a layer for each part of a payload, and the entries that none of them brought.

    Args:
        payload: the app.
        entries: what of it an image has, by path.
        parts: the placed trees that it was made of, in the order in which they were united. The
            largest have a layer each; beyond :data:`MOST_PARTS` of them the others share one.
        owners: as layers have them.
    """
    left = dict(entries)
    taken: dict[str, list[Entry]] = {}
    seen: set[str] = set()
    for name, tree in parts.items():
        own = _taken(left, paths_in(name, tree, payload.prefix), payload.tree)
        if any(entry.path not in seen for entry in own):
            taken[name] = own
        seen |= {entry.path for entry in own}
    sizes = {name: sum(entry.size for entry in own) for name, own in taken.items()}
    largest = sorted(sizes, key=lambda name: -sizes[name])[:MOST_PARTS]
    layers = [
        make_layer(name.rpartition(":")[2], own, payload.root, owners=owners)
        for name, own in taken.items()
        if name in largest
    ]
    shared = {each.path: each for name in taken if name not in largest for each in taken[name]}
    if shared:
        layers.append(make_layer("smaller parts", shared.values(), payload.root, owners=owners))
    return layers, tuple(_taken(left, [path for path in left if path not in seen], payload.tree))


def make_layer(
    title: str,
    entries: Iterable[Entry],
    directory: Path,
    own: Mapping[str, bytes] = MappingProxyType({}),
    owners: Mapping[str, tuple[int, int]] = MappingProxyType({}),
) -> Layer:
    """Return a layer; raises :class:`PackageError` for what no layer can hold."""
    members = archive_members(_checked(entries))
    there = {member.path: owners[member.path] for member in members if member.path in owners}
    return Layer(title, members, directory, own, there)


def _taken(left: dict[str, Entry], paths: Iterable[str], tree: Tree) -> list[Entry]:
    """Take what is at paths out of what is left; directories are there for all."""
    found = {}
    for path in paths:
        if entry := left.get(path):
            found[path] = entry
            if entry.kind is not Kind.DIRECTORY:
                del left[path]
    # No link leads into another layer.
    for path, entry in found.items():
        if entry.kind is Kind.HARDLINK and entry.target not in found:
            found[path] = replace(tree.by_path[entry.target], path=path)
    return list(found.values())


def _checked(entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        if entry.path.rpartition("/")[2].startswith(WHITEOUT):
            raise PackageError(
                f"no image can hold {entry.path}",
                why=f"names that begin with {WHITEOUT} take files away there",
                hint="prune it, or give it another name",
            ).at(entry.path)
        yield entry
