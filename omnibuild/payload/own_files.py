"""The files of ``[files]``, laid out as hosts have them: one tree that stands for ``/``."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omnibuild import digests
from omnibuild.errors import DefinitionError, Where
from omnibuild.patterns import regex
from omnibuild.payload.assembly import HOST_PART, Part, kept, lies_at
from omnibuild.recipe.located import Fault, FaultError
from omnibuild.recipe.models import HostFile
from omnibuild.regular import read_regular
from omnibuild.sources.snapshot import (
    DIRECTORY_MODE,
    EXECUTABLE_MODE,
    FILE_MODE,
    left_out,
    snapshot,
)
from omnibuild.tree import Entry, Kind, Tree

_CONTROL_CHARACTER = regex(r"[\x00-\x1f\x7f]")
_PLACEHOLDER = regex(r"@([A-Z][A-Z0-9_]*)@")


@dataclass(frozen=True)
class Laid:
    """An entry of the tree, and where it is from.

    Args:
        entry: its path is relative to the host's ``/``.
        source: the file that it is a copy of; empty for what is none.
        text: what a template became; it has no source.
    """

    entry: Entry
    source: str = ""
    text: str = ""


def laid_out(
    files: Mapping[str, HostFile], directory: Path, values: Mapping[str, str]
) -> list[Laid]:
    """Return the entries of ``[files]``, without the directories that they lie in.

    Args:
        files: by their host paths.
        directory: of the recipe.
        values: of placeholders in templates, by their names.

    Raises:
        DefinitionError: a file cannot be read, or a template names a placeholder that is none.
    """
    found: list[Laid] = []
    for target, file in files.items():
        path = target.lstrip("/")
        if file.ghost:
            continue
        if file.symlink:
            found.append(Laid(Entry(path, Kind.SYMLINK, 0o777, target=file.symlink)))
        elif file.directory:
            mode = int(file.mode, 8) if file.mode else DIRECTORY_MODE
            found.append(Laid(Entry(path, Kind.DIRECTORY, mode)))
        elif (directory / file.source).is_dir():
            _refuse_left_out(target, directory / file.source, files)
            found += _tree(path, directory / file.source)
        else:
            found.append(_file(path, file, directory / file.source, values))
    return found


def write_laid(laid: Sequence[Laid], target: Path) -> None:
    """Write what was laid out below the new directory ``target``."""
    known = {one.entry.path: one for one in laid}
    target.mkdir(parents=True)
    for entry in tree_of(laid).entries:
        path = target / entry.path
        if entry.kind is Kind.SYMLINK:
            path.symlink_to(entry.target)
            continue
        if entry.kind is Kind.DIRECTORY:
            path.mkdir()
        else:
            one = known[entry.path]
            path.write_bytes(_read(Path(one.source)) if one.source else one.text.encode())
        path.chmod(entry.mode)


def tree_of(laid: Sequence[Laid]) -> Tree:
    """Return the tree that was laid out, with the directories that its entries lie in."""
    entries = {one.entry.path: one.entry for one in laid}
    for path in list(entries):
        while path := path.rpartition("/")[0]:
            entries.setdefault(path, Entry(path, Kind.DIRECTORY, DIRECTORY_MODE))
    return Tree.of(entries.values())


def file_of(files: Mapping[str, HostFile], entry: Entry) -> HostFile | None:
    """Return the file of ``[files]`` that brings an entry, itself or as a directory above it."""
    above = f"/{entry.path}"
    while above and above not in files:
        above = above.rpartition("/")[0]
    return files.get(above)


def given_away(files: Mapping[str, HostFile], own: Iterable[Entry]) -> dict[Entry, HostFile]:
    """Return what ``[files]`` brings that is not all root's, or has capabilities, and what it says.

    Args:
        files: by their host paths.
        own: what they bring, laid out. What a host has beside it is no part of that.
    """
    found: dict[Entry, HostFile] = {}
    for entry in own:
        file = file_of(files, entry)
        if file and (file.owner, file.group, file.capabilities) != ("root", "root", ""):
            found[entry] = file
    return found


def brought(parts: Iterable[Part]) -> list[Entry]:
    """Return what ``[files]`` brings, of all parts of an app."""
    return [entry for part in parts if part.name == HOST_PART for entry in kept(part)]


def owners_of(
    files: Mapping[str, HostFile], parts: Iterable[Part], prefix: str
) -> dict[str, tuple[str, str]]:
    """Return who owns what ``[files]`` brings, where that is not all root's.

    Raises :class:`DefinitionError` for a directory in which other parts have something.
    """
    parts = list(parts)
    given = given_away(files, brought(parts))
    owners = {
        f"/{entry.path}": (file.owner, file.group)
        for entry, file in given.items()
        if (file.owner, file.group) != ("root", "root")
    }
    for part in parts:
        for entry in kept(part) if owners and part.name != HOST_PART else ():
            path = f"/{lies_at(part.name, prefix)}{entry.path}"
            if path in owners:
                who = ":".join(owners[path])
                what = f"[files] gives {path} to {who}, and {part.name} brings it, too"
                hint = "give away a directory that nothing else of the app is in"
                raise FaultError(Fault(("files", path), what, hint, in_key=True))
    return owners


def _refuse_left_out(target: str, directory: Path, files: Mapping[str, HostFile]) -> None:
    for path in left_out(directory):
        # What the recipe says of it itself takes its place.
        if f"{target}/{path}" in files:
            continue
        if os.path.islink(directory / path):
            what = f"the symlink leads out of the directory that {target} is"
            hint = f'say it in [files]: "{target}/{path}" = {{ symlink = "…" }}'
        else:
            what = f"a package cannot have that below {target}: it is no file, symlink or directory"
            hint = "take it out of there, or let git ignore it"
        raise DefinitionError(what, where=Where(str(directory / path)), hint=hint)


def _tree(path: str, directory: Path) -> Iterator[Laid]:
    yield Laid(Entry(path, Kind.DIRECTORY, DIRECTORY_MODE))
    for entry in snapshot(directory).entries:
        _refuse_unprintable(directory, entry)
        moved = Entry(
            f"{path}/{entry.path}", entry.kind, entry.mode, entry.size, entry.digest, entry.target
        )
        yield Laid(moved, str(directory / entry.path) if entry.kind is Kind.FILE else "")


def _refuse_unprintable(directory: Path, entry: Entry) -> None:
    if _CONTROL_CHARACTER.search(f"{entry.path}{entry.target}"):
        raise DefinitionError(
            f"the name {entry.path!r} holds a control character, and cannot be packaged",
            where=Where(str(directory)),
            hint="rename it, or let git ignore it",
        )


def _file(path: str, file: HostFile, source: Path, values: Mapping[str, str]) -> Laid:
    content, text = _read(source), ""
    if file.template:
        text = _filled(content, source, values)
        content = text.encode()
    mode = EXECUTABLE_MODE if os.stat(source).st_mode & stat.S_IXUSR else FILE_MODE
    if file.mode:
        mode = int(file.mode, 8)
    entry = Entry(path, Kind.FILE, mode, len(content), digests.of_bytes(content))
    return Laid(entry, "" if file.template else str(source), text)


def _read(source: Path) -> bytes:
    try:
        return read_regular(source)
    except OSError as error:
        raise DefinitionError(
            "a file of [files] cannot be read", where=Where(str(source)), why=str(error)
        ) from error


def _filled(content: bytes, source: Path, values: Mapping[str, str]) -> str:
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise DefinitionError(
            "a template is no text", where=Where(str(source)), why=str(error)
        ) from error
    for number, line in enumerate(text.split("\n"), start=1):
        for found in _PLACEHOLDER.finditer(line):
            if found[1] not in values:
                raise DefinitionError(
                    f"the template has a placeholder {found[0]}, which stands for nothing",
                    where=Where(str(source), number, found.start() + 1),
                    hint=f"there are {', '.join(f'@{name}@' for name in values)}",
                )
    return _PLACEHOLDER.sub(lambda found: values[found[1]], text)
