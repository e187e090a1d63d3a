"""Which libraries glibc's loader would find: its rules, followed over a tree of files.

See ld.so(8). A needed library is, in this order,

- one that is loaded already, under the name by which it was asked for or its soname;
- in the DT_RPATH of the file that needs it, then of the file that had this one loaded, and so on up
  to the program: files with a DT_RUNPATH have no DT_RPATH, and what they need is in nobody else's;
- in the file's own DT_RUNPATH;
- in the directories where every loader looks, or a library of the host.

Nothing else counts: launchers remove LD_LIBRARY_PATH.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from omnibuild.elf import Elf

# What a tree of real wheels takes is a thousandth of it; somebody may have entangled theirs.
MOST_STEPS = 1_000_000


class EntangledError(ValueError):
    """The files need each other in too many ways to follow them all."""


@dataclass(frozen=True, slots=True)
class Found:
    """What stands at a path.

    Args:
        path: the file itself, behind all symlinks.
        elf: what its tables say; none if no loader can load it.
        foreign: whether it is a program or library for a processor that we know nothing of.
    """

    path: str
    elf: Elf | None = None
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """A library that is not found.

    Args:
        path: the file that needs it.
        name: the library's name.
        searched: directories in which the loader looks for it.
        start: the file with which loading began.
    """

    path: str
    name: str
    searched: tuple[str, ...]
    start: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file in a process.

    Args:
        path: the file itself.
        place: the path by which it was found, from which ``$ORIGIN`` counts.
        elf: what it asks for.
        by: who had it loaded; none for the first.
    """

    path: str
    place: str
    elf: Elf
    by: Loaded | None = None


@dataclass(frozen=True, slots=True)
class Loading:
    """What happens when one file is started or opened.

    Args:
        files: everything that is loaded, in that order; the file itself is the first.
        missing: what is not found.
        providers: file and name of what it needs, to the file that is taken for it.
    """

    files: tuple[str, ...]
    missing: tuple[Missing, ...]
    providers: Mapping[tuple[str, str], str]


@dataclass
class Loader:
    """The loader over one tree.

    Args:
        find: tells what stands at an absolute path, None for nothing.
        hosts: names of libraries that every host has.
        standard: directories where every loader looks, if the tree's root is a host's: only then
            entries of search paths that start from there lead anywhere.
        steps: how many are taken before it gives up.
    """

    find: Callable[[str], Found | None]
    hosts: frozenset[str]
    standard: tuple[str, ...] = ()
    steps: int = MOST_STEPS
    _seen: dict[str, Found | None] = field(default_factory=dict)

    def load(self, path: str, elf: Elf) -> Loading:
        """Start a program or open a library; raises :class:`EntangledError`."""
        queue = [Loaded(path, path, elf)]
        files, missing = {path: None}, []
        # The path of the file that answers to a name.
        names = {elf.soname: path} if elf.soname else {}
        providers: dict[tuple[str, str], str] = {}
        # Breadth first: what a file needs itself is there before what its libraries need.
        for loaded in queue:
            for name in loaded.elf.needed:
                self._step()
                if name in self.hosts:
                    continue
                found = None if name in names else self._search(name, loaded)
                if found and found.path not in files:
                    files[found.path] = None
                    queue.append(found)
                if found:
                    names[name] = found.path
                    names.setdefault(found.elf.soname or name, found.path)
                if name in names:
                    providers[loaded.path, name] = names[name]
                else:
                    searched = tuple(dict.fromkeys(self._directories(loaded)))
                    missing.append(Missing(loaded.path, name, searched, path))
        return Loading(tuple(files), tuple(missing), providers)

    def _search(self, name: str, loaded: Loaded) -> Loaded | None:
        if "/" in name:
            return None  # by its path, which is no business of directories
        for directory in (*self._directories(loaded), *self.standard):
            place = f"{directory}/{name}"
            if place not in self._seen:
                self._seen[place] = self.find(place)
            found = self._seen[place]
            if found is None or found.foreign:
                continue
            if found.elf is None or found.elf.kind == "object":
                return None
            # The loader passes over what is for another processor, and fails at anything else.
            if found.elf.machine == loaded.elf.machine:
                return Loaded(found.path, place, found.elf, loaded)
        return None

    def _directories(self, loaded: Loaded) -> Iterator[str]:
        """Yield the directories that are searched for what a file needs."""
        user: Loaded | None = loaded if loaded.elf.inherits else None
        while user:
            self._step()
            if user.elf.inherits:
                yield from self._expanded(user.elf.rpath, user.place)
            user = user.by
        if not loaded.elf.inherits:
            yield from self._expanded(loaded.elf.runpath, loaded.place)

    def _expanded(self, search_path: str, place: str) -> Iterator[str]:
        for entry in search_path.split(":"):
            self._step()
            directory = origin_expanded(entry, place)
            if directory is None and self.standard and entry.startswith("/"):
                directory = entry
            if directory is not None:
                yield directory

    def _step(self) -> None:
        self.steps -= 1
        if self.steps < 0:
            raise EntangledError


def start_all(loader: Loader, files: Mapping[str, Elf]) -> Iterator[Loading]:
    """Yield a loading for every file that somebody may start with, and so one for every file.

    That are programs, and what no other file needs: extension modules, plugins. All others are
    loaded by these, and may need the search path of those by whom.
    """
    loadings = {path: loader.load(path, elf) for path, elf in files.items() if elf.kind != "object"}
    needed = {other for path, each in loadings.items() for other in each.files if other != path}
    covered: set[str] = set()
    for path, loading in loadings.items():
        if path not in needed or files[path].kind == "executable":
            covered.update(loading.files)
            yield loading
    # Libraries that need each other, and nobody else does.
    for path, loading in loadings.items():
        if path not in covered:
            covered.update(loading.files)
            yield loading


def origin_expanded(entry: str, path: str) -> str | None:
    """Return the directory that an entry of a search path means for the file at ``path``.

    None for entries that do not start from the file itself.
    """
    for variable in ("$ORIGIN", "${ORIGIN}"):
        rest = entry.removeprefix(variable)
        if rest != entry and (not rest or rest.startswith("/")):
            return f"{posixpath.dirname(path)}{rest}"
    return None
