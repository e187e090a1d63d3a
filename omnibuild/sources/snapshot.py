"""A local project as it matters: its sources, without what tools left among them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from omnibuild import digests
from omnibuild.errors import DefinitionError, SourceError, Where
from omnibuild.sources.generated import delivered, is_generated
from omnibuild.sources.git.asking import git, names_in
from omnibuild.tree import Entry, Kind, Tree

DIRECTORY_MODE, EXECUTABLE_MODE, FILE_MODE = 0o755, 0o755, 0o644

# As many as Linux follows before it takes them for a circle.
MOST_SYMLINKS = 40

# 1980, the oldest time that a zip, and so a wheel, can hold.
COPY_TIME = 315_532_800


def snapshot(directory: Path) -> Tree:
    """List the files of a local project.

    In a git work tree these are the tracked files, and untracked ones that are neither ignored nor
    made by tools or earlier builds, as they are on disk; elsewhere all files but those. Symlinks
    that lead out of the project are left out, and so is whatever is known by a name that goes
    through a symlink.

    Raises :class:`DefinitionError` when there is no such directory, or git distrusts its owner.
    """
    if not directory.is_dir():
        raise DefinitionError("there is no such directory", where=Where(str(directory)))
    entries: dict[str, Entry] = {}
    parents: dict[str, bool] = {"": True}
    for path in _names(directory):
        entry = _entry(directory, path) if _is_real(directory, _parent(path), parents) else None
        if entry is None:
            continue
        entries[path] = entry
        while path := _parent(path):
            entries[path] = Entry(path, Kind.DIRECTORY, DIRECTORY_MODE)
    return Tree.of(entries.values())


def left_out(directory: Path) -> list[str]:
    """Return what :func:`snapshot` leaves out though it is meant: by its path in the project.

    That is symlinks that lead outside, and what is neither file, symlink nor directory; not what
    git ignores or tools left.
    """
    known = _git_names(directory)
    found: list[str] = []
    for path in sorted(_plain_names(directory, "")):
        mode = os.lstat(directory / path).st_mode
        if stat.S_ISREG(mode) or (stat.S_ISLNK(mode) and _stays_inside(directory, path)):
            continue
        # git lists no sockets and the like, not even where it would heed them.
        if known is None or git(directory, "check-ignore", "--quiet", path, check=False)[0]:
            found.append(path)
    return found


def copy_snapshot(directory: Path, tree: Tree, target: Path) -> None:
    """Copy the files that ``tree`` lists from ``directory`` to the new directory ``target``.

    All copies carry one constant time. Raises :class:`SourceError` when a file is no longer what
    the tree says.
    """
    target.mkdir(parents=True)
    for entry in tree.entries:
        copy = target / entry.path
        if entry.kind is Kind.DIRECTORY:
            copy.mkdir()
            copy.chmod(entry.mode)
        elif entry.kind is Kind.SYMLINK:
            copy.symlink_to(entry.target)
        else:
            _copy_file(directory / entry.path, copy, entry)


def _copy_file(original: Path, copy: Path, entry: Entry) -> None:
    try:
        shutil.copyfile(original, copy, follow_symlinks=False)
        intact = not copy.is_symlink() and digests.of_file(copy) == entry.digest
    except FileNotFoundError:
        intact = False
    if not intact:
        raise SourceError(
            "the file changed while the project was read",
            where=Where(str(original)),
            hint="start again when nothing writes there",
        )
    copy.chmod(entry.mode)
    os.utime(copy, (COPY_TIME, COPY_TIME))


def _names(directory: Path) -> Iterator[str]:
    """Yield the paths of a project's files and symlinks, relative to it, in any order."""
    versioned = _git_names(directory)
    if versioned is None:
        names = set(_plain_names(directory, ""))
        yield from names - delivered(names)
        return
    known = {"": True}
    for name in versioned:
        inner = name.rstrip("/")
        if _is_real(directory, inner, known):
            # git names a repository within a repository, and leaves its files to it.
            yield from (f"{inner}/{path}" for path in _names(directory / inner))
        else:
            yield name


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _is_real(directory: Path, path: str, known: dict[str, bool]) -> bool:
    """Tell whether a path in the project is a directory, and so is all above it.

    git goes on listing the files of a directory that was replaced by a symlink.
    """
    if path not in known:
        # Of os.path, not of Path: these do not fail at what a symlink may say.
        known[path] = (
            _is_real(directory, _parent(path), known)
            and not os.path.islink(directory / path)
            and os.path.isdir(directory / path)
        )
    return known[path]


def _git_names(directory: Path) -> Iterable[str] | None:
    """Return what git lists; none where it knows nothing: in no work tree, or ignored there."""
    resolved = directory.resolve()
    if not any((parent / ".git").exists() for parent in (resolved, *resolved.parents)):
        return None
    names = set[str]().union(*names_in(directory))
    # Only where git lists nothing it is worth another question.
    if not names and git(directory, "check-ignore", "--quiet", ".", check=False)[0] == 0:
        return None
    return names


def _plain_names(directory: Path, prefix: str) -> Iterator[str]:
    with os.scandir(directory) as items:
        for item in items:
            if is_generated(item.name, at_top=not prefix):
                continue
            if item.is_dir(follow_symlinks=False):
                yield from _plain_names(Path(item.path), f"{prefix}{item.name}/")
            else:
                yield f"{prefix}{item.name}"


def _entry(directory: Path, path: str) -> Entry | None:
    """Return a file's or symlink's entry; none for what is gone, special or leads outside."""
    full = directory / path
    if not os.path.lexists(full):
        # Tracked by git, and deleted from the disk.
        return None
    status = full.lstat()
    if stat.S_ISLNK(status.st_mode):
        if not _stays_inside(directory, path):
            return None
        return Entry(path, Kind.SYMLINK, 0o777, target=os.readlink(full))
    if not stat.S_ISREG(status.st_mode):
        return None
    mode = EXECUTABLE_MODE if status.st_mode & 0o111 else FILE_MODE
    return Entry(path, Kind.FILE, mode, status.st_size, digests.of_file(full))


def _stays_inside(directory: Path, path: str) -> bool:
    """Tell whether a symlink, and every one that it leads to, stays in the project.

    Step by step, and not by where it ends: a way out and back in by the directory's own name
    would be another one in another place.
    """
    place: list[str] = []
    waiting = path.split("/")[::-1]
    followed = 0
    while waiting:
        name = waiting.pop()
        if name in ("", "."):
            continue
        if name == "..":
            if not place:
                return False
            place.pop()
            continue
        place.append(name)
        here = directory.joinpath(*place)
        if os.path.islink(here):  # false, too, for names that are too long
            target = os.readlink(here)
            followed += 1
            if target.startswith("/") or followed > MOST_SYMLINKS:
                return False
            place.pop()
            waiting += target.split("/")[::-1]
    return True
