"""What the search paths of prebuilt files must become, so that they find an app's libraries.

Wheels are made for hosts that have libstdc++ and zlib where every loader looks. An app brings them
in a directory of its own, and each file that needs one must name the way from itself to there.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Mapping

from omnibuild.elf import Elf
from omnibuild.elf.loader import Found, Loader, start_all

ORIGIN = "$ORIGIN"


def settled_paths(
    files: Mapping[str, Elf],
    find: Callable[[str], Found | None],
    hosts: frozenset[str],
    provided: Collection[str],
    libraries: str,
) -> dict[str, str]:
    """Return the search paths that must change: file to its new path, entries parted by colons.

    What finds all it needs stays as it is, and so does what looks for it in directories where
    another distribution may have it. Entries that lead out of the tree, to directories of the
    machine where a wheel was made, are left out.

    Args:
        files: programs and libraries of a tree whose root is the app's directory, by their
            absolute paths in it.
        find: tells what stands at such a path.
        hosts: names of libraries that every host has.
        provided: names of libraries that the app has in ``libraries`` for certain.
        libraries: a directory of the tree.

    Raises:
        EntangledError: they need each other in too many ways.
    """
    wanted = {path: _inside(path, elf) for path, elf in files.items()}
    own = {posixpath.dirname(path) for path in files}
    for loading in start_all(Loader(find, hosts), files):
        for missing in loading.missing:
            if missing.name in provided or own.issuperset(
                map(posixpath.normpath, missing.searched)
            ):
                way = posixpath.relpath(libraries, posixpath.dirname(missing.path))
                wanted[missing.path].setdefault(ORIGIN if way == "." else f"{ORIGIN}/{way}")
    found = {path: ":".join(entries) for path, entries in wanted.items()}
    return {path: text for path, text in found.items() if text != files[path].own_path}


def _inside(path: str, elf: Elf) -> dict[str, None]:
    """Return the entries of a file's own search path that stay in the tree, each once."""
    return {entry: None for entry in elf.search_path if _stays(entry, path)}


def _stays(entry: str, path: str) -> bool:
    for variable in (ORIGIN, "${ORIGIN}"):
        rest = entry.removeprefix(variable)
        if rest != entry and (not rest or rest.startswith("/")):
            break
    else:
        return False
    depth = 0
    for name in f"{posixpath.dirname(path)}{rest}".split("/"):
        if name not in ("", "."):
            depth += -1 if name == ".." else 1
        if depth < 0:
            return False
    return True
