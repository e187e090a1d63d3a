"""The libraries that a payload's files need, as the loader of a host would find them."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain

from omnibuild.audit import glibc
from omnibuild.audit.facts import Facts
from omnibuild.audit.owners import Brings, Owner
from omnibuild.elf import Elf
from omnibuild.elf.loader import EntangledError, Found, Loader, Loading, Missing, start_all
from omnibuild.tree import Entry, Kind, Tree

ENTANGLED = "files of the payload need each other in too many ways to follow"

# Libraries of the host's desktop and drivers, which no app can bring: what `manylinux` lets wheels
# expect besides what apps do bring, and what such libraries need themselves. The packages that have
# them on Debian and Ubuntu, and on Fedora, EL and their kin.
HOST_LIBRARIES = {
    "libEGL.so.1": ("libegl1", "libglvnd-egl"),
    "libGL.so.1": ("libgl1", "libglvnd-glx"),
    "libICE.so.6": ("libice6", "libICE"),
    "libSM.so.6": ("libsm6", "libSM"),
    "libX11.so.6": ("libx11-6", "libX11"),
    "libXext.so.6": ("libxext6", "libXext"),
    "libXrender.so.1": ("libxrender1", "libXrender"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libgobject-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2"),
    "libxcb.so.1": ("libxcb1", "libxcb"),
}

# Where loaders of Debian, and of EL, look without being told.
STANDARD = (
    *(
        f"{usr}/lib/{machine}-linux-gnu"
        for machine in ("x86_64", "aarch64")
        for usr in ("", "/usr")
    ),
    *("/lib64", "/usr/lib64", "/lib", "/usr/lib"),
)

# Distributions that have a twin for servers, which needs none of them.
TWINS = {
    "opencv-contrib-python": "opencv-contrib-python-headless",
    "opencv-python": "opencv-python-headless",
}


@dataclass(frozen=True)
class Libraries:
    """Faults by the path of the file that has them, relative to the host's ``/``.

    Args:
        missing: libraries that are not found.
        names: what these are called.
        versions: libraries that are found, and too old.
        taken: by the name that is asked for, the files that are taken for it, each with those that
            loading starts with.
    """

    missing: Mapping[str, tuple[str, ...]]
    names: Mapping[str, tuple[str, ...]]
    versions: Mapping[str, tuple[str, ...]]
    taken: Mapping[str, Mapping[str, tuple[str, ...]]]

    @classmethod
    def of(cls, tree: Tree, machine: str, facts: Callable[[Entry], Facts]) -> Libraries:
        """Follow the loader from every file of a payload that somebody may start with.

        Args:
            tree: the payload's.
            machine: the processor of its hosts; what is for another one is not started here.
            facts: returns what is in a file.
        """
        files = {path: elf for path, elf in _programs(tree, facts) if elf.machine == machine}
        # By file and what is said of it: the names of which it is said.
        missing: dict[str, dict[str, dict[str, None]]] = {}
        versions: dict[str, dict[str, None]] = {}
        taken: dict[str, dict[str, list[str]]] = {}
        elsewhere = {posixpath.basename(path): path for path in sorted(files, reverse=True)}
        try:
            for loading in start_all(_loader(tree, facts), files):
                for each in loading.missing:
                    said = _said(each, elsewhere.get(each.name, ""))
                    missing.setdefault(each.path, {}).setdefault(said, {}).setdefault(each.name)
                for path, fault in _too_old(loading, files):
                    versions.setdefault(path, {}).setdefault(fault)
                for (_, name), provider in loading.providers.items():
                    taken.setdefault(name, {}).setdefault(provider, []).append(loading.files[0])
        except EntangledError:
            missing.setdefault(min(files), {})[ENTANGLED] = {}
        return cls(
            _by_path({path: map(_told, said, said.values()) for path, said in missing.items()}),
            _by_path({path: chain(*said.values()) for path, said in missing.items()}),
            _by_path(versions),
            {name: _by_path(found) for name, found in taken.items()},
        )


def unneeded(tree: Tree, own: Collection[str], facts: Callable[[Entry], Facts]) -> set[str]:
    """Return those of some files that nothing else of a payload loads.

    Args:
        tree: the payload's.
        own: paths in it.
        facts: returns what is in a file.
    """
    files = dict(_programs(tree, facts))
    loader = _loader(tree, facts)
    loaded: set[str] = set()
    try:
        for path, elf in files.items():
            if path[1:] not in own and elf.needed:
                loaded.update(loader.load(path, elf).files)
    except EntangledError:
        return set()  # the audit tells
    return {path for path in own if f"/{path}" not in loaded}


def twins(
    tree: Tree,
    machine: str,
    facts: Callable[[Entry], Facts],
    taken: Mapping[str, Mapping[str, tuple[str, ...]]],
    owner: Callable[[str], Owner],
) -> dict[str, tuple[str, str]]:
    """Return libraries beside which there is another one of their name: that, and which may stay.

    Args:
        tree: the payload's.
        machine: the processor of its hosts.
        facts: returns what is in a file.
        taken: as in :class:`Libraries`; only names that somebody asks for can be mistaken.
        owner: returns who brought the file at a path relative to the host's ``/``.
    """
    places = {name: set(found) for name, found in taken.items()}
    for entry in tree.files():
        elf = facts(entry).elf
        if elf and elf.kind == "shared" and elf.machine == machine:
            for name in {elf.soname, posixpath.basename(entry.path)} & places.keys():
                places[name].add(entry.path)

    def rank(name: str, path: str) -> tuple[bool, bool, str]:
        of_component = owner(path).kind is Brings.COMPONENT
        return not of_component, path not in taken[name], path

    found: dict[str, tuple[str, str]] = {}
    for name, paths in places.items():
        shared = [path for path in paths if not _is_private(path, taken[name], owner)]
        kept, *others = sorted(shared, key=partial(rank, name)) or [""]
        for path in others:
            if tree.by_path[path].digest != tree.by_path[kept].digest:
                found[path] = (name, f"/{kept}")
    return found


def _is_private(
    path: str, taken: Mapping[str, tuple[str, ...]], owner: Callable[[str], Owner]
) -> bool:
    """Tell whether nothing but the programs of a component loads a library of its own."""
    whose = owner(path)
    starts = taken.get(path, ())
    return whose.kind is Brings.COMPONENT and {owner(start[1:]) for start in starts} == {whose}


def _programs(tree: Tree, facts: Callable[[Entry], Facts]) -> Iterator[tuple[str, Elf]]:
    for entry in tree.entries:
        if entry.kind in (Kind.FILE, Kind.HARDLINK):
            file = tree.by_path[entry.target] if entry.kind is Kind.HARDLINK else entry
            if elf := facts(file).elf:
                yield f"/{entry.path}", elf


def _loader(tree: Tree, facts: Callable[[Entry], Facts]) -> Loader:
    def find(path: str) -> Found | None:
        entry = tree.find(path)
        return _found(entry, facts) if entry else None

    return Loader(find, glibc.SONAMES, STANDARD)


def _found(entry: Entry, facts: Callable[[Entry], Facts]) -> Found:
    path = f"/{entry.path}"
    if entry.kind is not Kind.FILE:
        return Found(path)
    known = facts(entry)
    return Found(path, known.elf, bool(known.foreign))


def _said(missing: Missing, elsewhere: str) -> str:
    """Return the end of a sentence about a library."""
    if "/" in missing.name:
        return " by its path"
    searched = ", ".join(map(posixpath.normpath, missing.searched)) or "no directory"
    where = f"which lies at {elsewhere}, where it is not looked for" if elsewhere else ""
    return f", {where or 'not in the payload'} (its runpath leads to {searched})"


def _told(said: str, names: Iterable[str]) -> str:
    every = ", ".join(names)
    return f"needs {every}{said}" if every else said


def _too_old(loading: Loading, files: Mapping[str, Elf]) -> Iterator[tuple[str, str]]:
    for (path, name), provider in loading.providers.items():
        wanted, defined = (files[path].versions or {}).get(name, ()), files[provider].defines
        # The loader lets pass what has no versions at all.
        for version in wanted if defined else ():
            if version not in defined:
                yield path, f"needs {version} of {name}, which {provider} does not have"


def _by_path(faults: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    return {path.lstrip("/"): tuple(found) for path, found in faults.items()}


def way_out(libraries: Iterable[str], distribution: str) -> str:
    """Say what to do where a file needs libraries that the app does not bring.

    Args:
        libraries: names of what is missing, as the file asks for it.
        distribution: that brings the file, by its normalised name; empty when none does.
    """
    hosts = [HOST_LIBRARIES[name] for name in libraries if name in HOST_LIBRARIES]
    if not hosts:
        return "bring it by a component of [software]"
    debs, rpms = (json.dumps(sorted(set(names))) for names in zip(*hosts, strict=True))
    twin = TWINS.get(distribution, "")
    instead = f"take {twin} in place of {distribution}" if twin else "take a package without it"
    return (
        f"servers need not have it: {instead}, or waive it and say who brings it to hosts:"
        f" depends = {{ deb = {debs}, rpm = {rpms} }}"
    )
