"""What differs between two packages: what they hold, in which versions, and file by file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from omnibuild.audit.owners import Owners
from omnibuild.package.opening.contents import ROOT
from omnibuild.package.opening.opened import Opened
from omnibuild.package.opening.owners import brought, owners_in
from omnibuild.package.opening.said import Said
from omnibuild.tree import Entry, Kind

# Of debs; the sizes say it better.
INSTALLED_SIZE = "Installed-Size"


@dataclass(frozen=True)
class Change:
    """Something that two packages have each in its own way, or one has alone.

    Args:
        name: of a component or distribution, or a path.
        before: its version, or how the file is, in the first; None where it is not there.
        after: the same of the second.
        owner: who brought a file, as far as it is known.
        grown: bytes that a file has more in the second.
    """

    name: str
    before: str | None
    after: str | None
    owner: str = ""
    grown: int = 0


@dataclass(frozen=True)
class Differences:
    """What differs between two packages.

    Args:
        sizes: bytes that the files of each take.
        fields: what packages of the same format say of themselves, each in its own way.
        parts: components and distributions whose version is not the same.
        files: files that are not the same.
    """

    sizes: tuple[int, int]
    fields: tuple[Change, ...]
    parts: tuple[Change, ...]
    files: tuple[Change, ...]


def differences(first: Opened, second: Opened) -> Differences:
    """Compare two packages of any formats.

    A tarball's own directory and a package's prefix stand for each other; and beside what is no
    image, the base of one is left out, as hosts are.
    """
    if not (first.base and second.base):
        first, second = (replace(each, payload=each.above_base()) for each in (first, second))
    sizes = first.payload.tree.size, second.payload.tree.size
    owners = owners_in(first.payload), owners_in(second.payload)
    before, after = (
        dict(brought(opened.payload, known))
        for opened, known in zip((first, second), owners, strict=True)
    )
    parts = tuple(_changes(before, after))
    # Of two formats, each says it in its own words.
    fields = tuple(_field_changes(first.said, second.said)) if first.form == second.form else ()
    return Differences(sizes, fields, parts, tuple(_file_changes(first, second, owners)))


def _field_changes(before: Said, after: Said) -> Iterator[Change]:
    """Yield the fields that differ, with the items that one alone has."""
    for name in dict.fromkeys((*before, *after)):
        old, new = before.get(name, ()), after.get(name, ())
        if old != new and name != INSTALLED_SIZE:
            gone = ", ".join(item for item in old if item not in new) or None
            come = ", ".join(item for item in new if item not in old) or None
            yield Change(name, gone, come)


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            yield Change(name, old, new)


def _file_changes(first: Opened, second: Opened, owners: tuple[Owners, Owners]) -> Iterator[Change]:
    # Formats say it in other ways whom a file belongs to, and which directories are theirs.
    alike = first.form == second.form
    before, after = _by_place(first, alike), _by_place(second, alike)
    for place in sorted({*before, *after}):
        old, new = before.get(place), after.get(place)
        kept = (_content(old, first), _rights(old, first) if alike else ()) if old else None
        other = (_content(new, second), _rights(new, second) if alike else ()) if new else None
        if kept != other:
            entry, known = (new, owners[1]) if new else (old, owners[0])
            owner = str(known.of(entry.path)) if entry else ""
            grown = (new.size if new else 0) - (old.size if old else 0)
            told = (_described(old, first, alike), _described(new, second, alike))
            yield Change(place, *told, owner, grown)


def _rights(entry: Entry, opened: Opened) -> tuple[tuple[str, str], str]:
    """Return whom a file belongs to, and its capabilities."""
    path, payload = f"/{entry.path}", opened.payload
    return payload.owners.get(path, ROOT), payload.capabilities.get(path, "")


def _by_place(opened: Opened, directories: bool) -> dict[str, Entry]:
    """Return what is in a package by its place: relative below its own directory, else absolute."""
    tree, own = opened.payload.tree, opened.payload.prefix.strip("/")
    tops = {entry.path.partition("/")[0] for entry in tree.entries}
    # What packages and images hold is where it is on hosts.
    if not own and not opened.form and len(tops) == 1:
        (own,) = tops
    found = {}
    for entry in tree.entries:
        if directories or entry.kind is not Kind.DIRECTORY:
            below = entry.path.removeprefix(f"{own}/")
            found[below if below != entry.path else f"/{entry.path}"] = entry
    return found


def _content(entry: Entry, opened: Opened) -> tuple[object, ...]:
    """Return all that makes a file what it is; a hard link is as good as what it repeats."""
    file = opened.payload.tree.by_path[entry.target] if entry.kind is Kind.HARDLINK else entry
    return file.kind, entry.mode, file.digest, file.target


def _described(entry: Entry | None, opened: Opened, rights: bool) -> str | None:
    if entry is None:
        return None
    (user, group), capabilities = _rights(entry, opened)
    owner = f", of {user}:{group}" if rights and (user, group) not in (ROOT, ("", "")) else ""
    able = f", {capabilities}" if rights and capabilities else ""
    if entry.kind is Kind.SYMLINK:
        return f"a symlink to {entry.target}{owner}"
    if entry.kind is Kind.DIRECTORY:
        return f"a directory, mode {entry.mode:04o}{owner}"
    what = f"mode {entry.mode:04o}, {entry.digest[:16]}" if entry.digest else f"a {entry.kind}"
    return f"{what}{owner}{able}"
