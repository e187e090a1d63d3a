"""Removing what nobody can want any more: files that no release names, and old releases."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from omnibuild.errors import RepositoryError, Where
from omnibuild.events import Emit, silent
from omnibuild.repository import layout
from omnibuild.repository.layers.listing import layer_paths
from omnibuild.repository.life.demotion import DEMOTE
from omnibuild.repository.life.files import (
    File,
    deb_file,
    directories_of,
    download_file,
    rpm_files,
)
from omnibuild.repository.refusals import existing
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.choice import title_of
from omnibuild.repository.state.entries import Deb, Download, Rpm
from omnibuild.repository.state.head import Release, State, history, load, read_shown
from omnibuild.repository.state.ledger import Ledger
from omnibuild.repository.state.removals import await_removals, removals, removing
from omnibuild.repository.targets.target import KEPT_SECONDS, Target

E = TypeVar("E", Deb, Rpm, Download)

# What a release listed is wanted for so long after the next one: to show that takes time, too.
IN_FLIGHT = 2 * KEPT_SECONDS
# A file that is no older may be on its way to its first release.
YOUNG = KEPT_SECONDS
# So many files are removed by one request, where requests can name several.
AT_ONCE = 1000


@dataclass
class Collected:
    """What was removed, or would be.

    Args:
        files: packages, tarballs, and what is beside those.
        records: releases, leaves, file lists.
        size: of both, in bytes.
    """

    files: int = 0
    records: int = 0
    size: int = 0


@dataclass(frozen=True)
class _Out:
    """What is out of a channel for good, as people call it; nothing is out of no channel."""

    channel: str
    titles: frozenset[str]


@dataclass
class Named:
    """What releases name: paths, packages by theirs, what was seen of how they come to that."""

    paths: set[str] = field(default_factory=set)
    packages: dict[str, File] = field(default_factory=dict)
    _seen: set[tuple[object, ...]] = field(default_factory=set)

    def add(self, target: Target, release: Release, out: frozenset[str]) -> None:
        """Add all that a release names, but files of what is out for good."""
        content = Channel.of(target, release.contents)
        # Going back in a channel, more and more is out: what was met first was met with most.
        known = _Out(release.channel if out else "", out)
        for suite in content.suites.values():
            for debs in suite.lists.values():
                for deb in self._new(debs, known):
                    self._add(deb_file(deb))
                    self.paths.add(layout.contents_shard(deb.digest))
                    self._add_manifest(deb)
        for tree, index in content.trees.items():
            for architecture, rpms in index.lists.items():
                directories = directories_of(release.channel, tree, index, architecture)
                for rpm in self._new(rpms, known, *directories):
                    self._add(*rpm_files(rpm, directories))
                    self.paths.add(layout.filelists_shard(rpm.identity))
                    self._add_manifest(rpm)
        for leaf in (*content.advisories.leaves, *content.yanked.leaves):
            self.paths.add(layout.leaf(leaf.digest))
        for item in self._new(content.downloads, known):
            self._add(file := download_file(item))
            self.paths.update(f"{file.path}{s}" for s in (layout.CHECKSUM, layout.SIGNATURE))
            self.paths.update(layer_paths(target, item))
            self._add_manifest(item)

    def _add_manifest(self, entry: Deb | Rpm | Download) -> None:
        if entry.manifest:
            self.paths.add(layout.manifest(entry.manifest))

    def _add(self, *files: File) -> None:
        self.packages |= {file.path: file for file in files}
        self.paths.update(file.path for file in files)

    def _new(self, ledger: Ledger[E], out: _Out, *places: str) -> Iterator[E]:
        """Yield entries of leaves that were not met in these places."""
        for number, leaf in enumerate(ledger.leaves):
            self.paths.add(layout.leaf(leaf.digest))
            if (met := (leaf.digest, out.channel, *places)) not in self._seen:
                self._seen.add(met)
                entries = ledger.entries(number)
                yield from (each for each in entries if title_of(each) not in out.titles)


def collect(
    repository: Path | str, before: float, emit: Emit = silent, *, dry_run: bool = False
) -> Collected:
    """Remove files that nothing kept names; what a reader in flight may want stays.

    Args:
        repository: where was published to.
        before: releases that were followed by another one earlier than that, in seconds since
            1970, are removed; a channel can go back to all others. Those of the last hours stay
            in any case.
        emit: takes warnings.
        dry_run: only tell what would go.

    Others may publish meanwhile. Raises :class:`RepositoryError` for what is no repository, or is
    damaged, or where somebody was killed while hosts were being shown something.
    """
    target = existing(repository)
    while True:
        await_removals(target, emit)
        began = removals(target)
        try:
            return _collect(target, before, emit, dry_run=dry_run)
        except RepositoryError:
            # In a bucket somebody else may collect, too, and removes what was about to be read.
            if removals(target) == began:
                raise


def _collect(target: Target, before: float, emit: Emit, *, dry_run: bool) -> Collected:
    with target.locked(layout.LOCK, emit):
        # What takes long is done while others publish and show; what they add is added to it.
        named = Named()
        kept = _name(named, load(target), before)
        found = [
            _Found(directory, sizes, is_record=is_record)
            for directory, is_record in _directories(target)
            if (sizes := _ripe(target, directory, named, YOUNG + kept))
        ]
        with target.locked(layout.SHOWING, emit):
            _name(named, _shown(target), before)
            if found and not dry_run:
                with removing(target) as state:
                    _name(named, state, before)
                    gone = [path for each in found for path in each.left(named)]
                    for start in range(0, len(gone), AT_ONCE):
                        target.remove(*gone[start : start + AT_ONCE])
        if not dry_run:
            _remove_empty(target, (each.directory for each in found))
    return _collected(found, named)


@dataclass(frozen=True)
class _Found:
    """What is old in a directory, and was named by nothing when that was looked at."""

    directory: str
    sizes: Mapping[str, int]
    is_record: bool

    def left(self, named: Named) -> list[str]:
        """Return what nothing names yet."""
        paths = (f"{self.directory}/{name}" for name in self.sizes)
        return [path for path in paths if path not in named.paths]


def _ripe(target: Target, directory: str, named: Named, seconds: float) -> dict[str, int]:
    """Return what nothing names in a directory and is so old, by its names, with its size."""
    names = [n for n in target.names(directory) if f"{directory}/{n}" not in named.paths]
    ripe = target.settled(directory, [n for n in names if _is_ours(directory, n)], seconds)
    sizes = target.sizes(directory) if ripe else {}
    return {name: sizes.get(name, 0) for name in ripe}


def _collected(found: Iterable[_Found], named: Named) -> Collected:
    done = Collected()
    for each in found:
        left = each.left(named)
        done.size += sum(each.sizes[path.rpartition("/")[2]] for path in left)
        done.records += len(left) if each.is_record else 0
        done.files += 0 if each.is_record else len(left)
    return done


def _shown(target: Target) -> State:
    """Return what hosts are shown, while nobody can show them anything else."""
    head = read_shown(target)
    if head is None:
        raise RepositoryError(
            "somebody was killed while hosts were being shown what was published last",
            where=Where(target.place(layout.SHOWN)),
            hint="publish again, anything or nothing new: that completes it",
        )
    return State(target, head, {})


def _name(named: Named, state: State, before: float) -> float:
    """Add what is needed: by what is, or was not long ago, or may come back.

    Returns for how many seconds more than usual readers of an older state may be in flight.
    """
    longer = state.repository.kept_seconds - KEPT_SECONDS if state.repository else 0
    # Who finds an index is to find what it lists.
    young = time.time() - IN_FLIGHT - 2 * longer
    before = min(before, young)
    for present in state.releases.values():
        followed, out = time.time(), frozenset[str]()
        for digest, release in history(state.target, present):
            if followed < before:
                break
            named.paths.add(layout.release(digest))
            named.add(state.target, release, frozenset() if followed > young else out)
            followed = release.author.time
            if release.author.action != DEMOTE and followed < young:
                # Nobody goes back to what was yanked, or is too old.
                out |= frozenset(release.removed)
    return longer


def _directories(target: Target) -> Iterator[tuple[str, bool]]:
    """Yield the directories of files that releases name, and whether those are records."""
    for directory in _below(target, f"{layout.APT}/pool", 3):
        yield directory, False
    for tree in _below(target, "yum", 3):
        for directory in _below(target, f"{tree}/Packages", 1):
            yield directory, False
    yield layout.DOWNLOADS, False
    yield layout.LAYERS, False
    yield layout.MANIFESTS, False
    for path in (
        layout.leaf(""),
        layout.release(""),
        layout.filelists_shard(""),
        layout.contents_shard(""),
    ):
        yield path.rpartition("/")[0], True


def _below(target: Target, directory: str, depth: int) -> Iterable[str]:
    found = [directory]
    for _ in range(depth):
        found = [f"{each}/{name}" for each in found for name in sorted(target.names(each))]
    return found


def _is_ours(directory: str, name: str) -> bool:
    """Tell whether releases name such files: lists of tarballs are for readers to start from."""
    name = name.removesuffix(layout.SIGNATURE).removesuffix(layout.CHECKSUM)
    return directory != layout.DOWNLOADS or bool(layout.DOWNLOAD_NAME.fullmatch(name))


def _remove_empty(target: Target, directories: Iterable[str]) -> None:
    for directory in directories:
        if not target.names(directory):
            target.remove(directory)
