"""Globs of paths: ``*`` within one name, ``**`` for any number of directories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

ANY = "**"


def matches(glob: str, path: str) -> bool:
    """Tell whether a glob is for a path as a whole.

    >>> matches("lib/*.so", "lib/x.so"), matches("lib/*.so", "lib/engines/x.so")
    (True, False)
    >>> matches("lib/**/*.so", "lib/x.so"), matches("lib/**/*.so", "lib/engines/more/x.so")
    (True, True)
    >>> matches("lib/**", "lib/engines/x.so"), matches("lib/**", "lib")
    (True, False)
    """
    return _matches(glob.split("/"), path.split("/"))


def with_all_below(globs: Iterable[str], paths: Iterable[str]) -> dict[str, set[str]]:
    """Return the paths that globs match or that lie below such a path, with those globs.

    Args:
        globs: what is looked for.
        paths: each after the directories that it lies in.
    """
    split = [(glob, glob.split("/")) for glob in globs]
    found: dict[str, set[str]] = {}
    for path in paths if split else ():
        names = path.split("/")
        own = {glob for glob, parts in split if _matches(parts, names)}
        own |= found.get(path.rpartition("/")[0], set())
        if own:
            found[path] = own
    return found


def _matches(globs: Sequence[str], names: Sequence[str]) -> bool:
    """Compare name by name; where they differ, let the ``**`` before take one name more."""
    if ANY not in globs:
        return len(globs) == len(names) and all(map(fnmatchcase, names, globs))
    here = there = 0
    resumed: tuple[int, int] | None = None
    while there < len(names):
        if here < len(globs) and globs[here] == ANY:
            here += 1
            # The last one is for what is below a directory, not for the directory.
            there += here == len(globs)
            resumed = (here, there)
        elif here < len(globs) and fnmatchcase(names[there], globs[here]):
            here, there = here + 1, there + 1
        elif resumed:
            here, there = resumed[0], resumed[1] + 1
            resumed = (here, there)
        else:
            return False
    return here == len(globs)
