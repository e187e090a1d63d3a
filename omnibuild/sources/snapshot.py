"""A local project's files: those that matter, whatever lies around in its directory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from omnibuild import digests
from omnibuild.errors import DefinitionError, ToolFailedError, Where
from omnibuild.tools import Tool
from omnibuild.tree import Entry, Kind, Tree

GIT = Tool("git", package="git")

# What is left out where git does not say what belongs to the project.
LEFT_OUT = frozenset({".git", "__pycache__", ".venv", "venv", "build", "dist", ".tox"})
LEFT_OUT_ENDINGS = (".pyc", ".egg-info")


def snapshot(directory: Path) -> Tree:
    """List a project: what git tracks or does not ignore; without git, all but build results.

    Modes are normalised to 0644 and 0755.
    Raises :class:`DefinitionError` for a missing directory or a symlink that leads out of it.
    """
    if not directory.is_dir():
        raise DefinitionError("there is no such directory", where=Where(str(directory)))
    names = _git_files(directory)
    if names is None:
        names = list(_plain_files(directory, ""))
    entries: dict[str, Entry] = {}
    for name in names:
        if os.path.lexists(directory / name):
            entries[name] = _entry(directory, name)
            for parent in Path(name).parents:
                if str(parent) != ".":
                    entries[str(parent)] = Entry(str(parent), Kind.DIRECTORY, 0o755)
    return Tree.of(entries.values())


def copy_snapshot(directory: Path, tree: Tree, target: Path) -> None:
    """Copy the listed files to the new directory ``target``."""
    target.mkdir(parents=True)
    for entry in tree.entries:
        path = target / entry.path
        if entry.kind is Kind.DIRECTORY:
            path.mkdir()
            path.chmod(0o755)
        elif entry.kind is Kind.SYMLINK:
            path.symlink_to(entry.target)
        else:
            shutil.copyfile(directory / entry.path, path)
            path.chmod(entry.mode)


def _git_files(directory: Path) -> list[str] | None:
    """Return what git counts to the project, or nothing where it is not in a work tree."""
    try:
        listed = GIT.run(
            "-c",
            "safe.directory=*",
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
            directory=directory,
        )
    except ToolFailedError:
        return None
    return [os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]


def _plain_files(directory: Path, prefix: str) -> Iterator[str]:
    with os.scandir(directory) as items:
        for item in sorted(items, key=lambda item: item.name):
            if item.name in LEFT_OUT or item.name.endswith(LEFT_OUT_ENDINGS):
                continue
            if item.is_dir(follow_symlinks=False):
                yield from _plain_files(Path(item.path), f"{prefix}{item.name}/")
            else:
                yield f"{prefix}{item.name}"


def _entry(directory: Path, name: str) -> Entry:
    path = directory / name
    if path.is_symlink():
        target = os.readlink(path)
        inside = os.path.normpath(os.path.join(os.path.dirname(name), target))
        if os.path.isabs(target) or inside.startswith(".."):
            raise DefinitionError("a symlink leads out of the project", where=Where(str(path)))
        return Entry(name, Kind.SYMLINK, 0o777, target=target)
    if not path.is_file():
        raise DefinitionError(
            "the project holds something that is no file (a submodule must be checked out)",
            where=Where(str(path)),
        )
    status = path.stat()
    mode = 0o755 if status.st_mode & 0o111 else 0o644
    return Entry(name, Kind.FILE, mode, status.st_size, digests.of_file(path))
