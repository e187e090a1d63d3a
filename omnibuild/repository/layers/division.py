"""A tarball divided by its list of parts: one layer for each, and a last one for all else.

A layer says nothing of the release that it is of: equal files are equal bytes, in whatever version
of the app they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from omnibuild.digests import Digest, of_json
from omnibuild.errors import PackageError
from omnibuild.package.members import archive_members, content
from omnibuild.package.opening.contents import Contents, Member
from omnibuild.package.opening.tarball import packed_tar_members
from omnibuild.package.reading import reading
from omnibuild.package.tar.parts import PART_LIST, read_part_list
from omnibuild.package.tarstream import tar_stream
from omnibuild.payload.assembly import part_of
from omnibuild.sources.archive import DEFAULT_LIMITS
from omnibuild.tree import Entry, Kind, Tree, directories_above

# Bytes. A request takes as long as fetching some of this: smaller parts share a layer.
SMALL: Final = 1 << 16
SMALL_PARTS: Final = "small parts"

# What a recipe brings besides its project changes with the app, however small it is.
_OWN: Final = ("recipe:", "host:")
# Raise it when layers of the same members become other bytes.
_SERIAL: Final = 1
# Whoever unpacks the next layer must get into the directories of this one.
_OPEN: Final = 0o700
_EARLIEST, _SECONDS = 10**9, 5 * 10**8


@dataclass(frozen=True)
class Layer:
    """Some files of a tarball, with the directories that they are in.

    Args:
        title: what it brings, for people.
        members: its entries in archive order, relative to the tarball's directory.
    """

    title: str
    members: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(each.size for each in self.members)

    @property
    def identity(self) -> Digest:
        """What makes it the same layer, whoever compresses it."""
        rows = [[e.path, e.kind, e.mode, e.size, e.digest, e.target] for e in self.members]
        return of_json([_SERIAL, rows])

    @property
    def date(self) -> int:
        """The time of its entries, in seconds since 1970: another one for other content.

        Web servers tell browsers by time and size whether a file is the one that they have.
        """
        return _EARLIEST + int(self.identity[:8], 16) % _SECONDS

    def blocks(self, contents: Path) -> Iterator[bytes]:
        """Yield it as a tar archive; in ``contents`` each file is called after its digest."""
        return tar_stream(
            self.members,
            top=".",
            date=self.date,
            read=lambda entry: content(contents, replace(entry, path=entry.digest)),
        )


def divide(tarball: Path, app: str, scratch: Path) -> list[Layer]:
    """Return the layers of a tarball, in the order in which they are unpacked.

    Args:
        tarball: a file that was found whole.
        app: what it brings: the parts of that name are not mixed with others.
        scratch: a private, empty directory, which takes the contents of the files.

    Returns:
        none for a tarball without a list of parts: it stays whole.
    """
    listed = _part_list(tarball)
    if not listed:
        return []
    contents = Contents(scratch, DEFAULT_LIMITS)
    with reading(tarball), tarball.open("rb") as stream:
        for member in packed_tar_members(stream, DEFAULT_LIMITS):
            contents.add(member)
    tree = contents.tree()
    tops = {entry.path.partition("/")[0] for entry in tree.entries}
    if len(tops) != 1 or contents.special or contents.capabilities:
        return []
    entries = dict(_inside(tree, f"{tops.pop()}/"))
    del entries[PART_LIST]
    return list(_layers(entries, read_part_list(listed), app))


def _part_list(tarball: Path) -> bytes:
    try:
        with reading(tarball), tarball.open("rb") as stream:
            for member in packed_tar_members(stream, DEFAULT_LIMITS):
                if _is_list(member):
                    return b"".join(member.content)
    except PackageError:
        # What is no archive for us, or more than we look into, may be one for hosts.
        pass
    return b""


def _is_list(member: Member) -> bool:
    return member.kind is Kind.FILE and member.path.partition("/")[2] == PART_LIST


def _inside(tree: Tree, start: str) -> Iterator[tuple[str, Entry]]:
    for entry in tree.entries:
        if path := entry.path.removeprefix(start) if entry.path.startswith(start) else "":
            target = entry.target
            if entry.kind is Kind.HARDLINK:
                target = target.removeprefix(start)
            yield path, replace(entry, path=path, target=target)


def _layers(entries: Mapping[str, Entry], part: Mapping[str, str], app: str) -> Iterator[Layer]:
    files = {path: each for path, each in entries.items() if each.kind is not Kind.DIRECTORY}
    divided: dict[str, dict[str, Entry]] = {name: {} for name in part.values()}
    rest = divided.setdefault("", {})
    for path, entry in files.items():
        divided[part.get(path, "")][path] = entry
    del divided[""]
    own = {part_of(app, divided), app, *(name for name in divided if name.startswith(_OWN))}
    small: dict[str, Entry] = {}
    for name, found in divided.items():
        if name not in own and sum(each.size for each in found.values()) < SMALL:
            small |= found
        elif found:
            yield _layer(name.rpartition(":")[2], found, entries)
    if small:
        yield _layer(SMALL_PARTS, small, entries)
    yield _last(app, rest, entries)


def _layer(title: str, files: Mapping[str, Entry], entries: Mapping[str, Entry]) -> Layer:
    directories = [
        replace(entries[path], mode=entries[path].mode | _OPEN) for path in directories_above(files)
    ]
    return Layer(title, archive_members((*_alone(files, entries), *directories)))


def _last(title: str, files: Mapping[str, Entry], entries: Mapping[str, Entry]) -> Layer:
    """Return the layer of what no part brought; it also has the last word on directories."""
    filled = directories_above(entries)
    directories = {
        path: each
        for path, each in entries.items()
        if each.kind is Kind.DIRECTORY and (path not in filled or each.mode & _OPEN != _OPEN)
    }
    above = {path: entries[path] for path in directories_above({**files, **directories})}
    return Layer(title, archive_members((*_alone(files, entries), *(directories | above).values())))


def _alone(files: Mapping[str, Entry], entries: Mapping[str, Entry]) -> Iterator[Entry]:
    """Yield files; no hard link leads into another layer."""
    for path, entry in files.items():
        if entry.kind is Kind.HARDLINK and entry.target not in files:
            yield replace(entries[entry.target], path=path)
        else:
            yield entry
