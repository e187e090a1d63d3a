"""Removing what nobody can want any more: files that no release names, and old releases."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from omnibuild.errors import RepositoryError, Where
from omnibuild.events import Emit, silent
from omnibuild.repository import layout
from omnibuild.repository.indexes import is_shown
from omnibuild.repository.layers.listing import layer_paths
from omnibuild.repository.life.demotion import DEMOTE
from omnibuild.repository.life.files import deb_file, directories_of, download_file, rpm_files
from omnibuild.repository.refusals import existing
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.choice import title_of
from omnibuild.repository.state.entries import Deb, Download, Rpm
from omnibuild.repository.state.head import Release, State, history, load
from omnibuild.repository.state.ledger import Ledger
from omnibuild.repository.targets.target import KEPT_SECONDS, Target

E = TypeVar("E", Deb, Rpm, Download)

# What a release listed is wanted for so long after the next one: to show that takes time, too.
IN_FLIGHT = 2 * KEPT_SECONDS
# A file that is no older may be on its way to its first release.
YOUNG = KEPT_SECONDS


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
    """What releases name: paths, and what was seen so far of how they come to that."""

    paths: set[str] = field(default_factory=set)
    _seen: set[tuple[object, ...]] = field(default_factory=set)

    def add(self, target: Target, release: Release, out: frozenset[str]) -> None:
        """Add all that a release names, but files of what is out for good."""
        content = Channel.of(target, release.contents)
        # Going back in a channel, more and more is out: what was met first was met with most.
        known = _Out(release.channel if out else "", out)
        for suite in content.suites.values():
            for debs in suite.lists.values():
                for deb in self._new(debs, known):
                    self.paths.update((deb_file(deb).path, layout.contents_shard(deb.digest)))
        for tree, index in content.trees.items():
            for architecture, rpms in index.lists.items():
                directories = directories_of(release.channel, tree, index, architecture)
                for rpm in self._new(rpms, known, *directories):
                    self.paths.update(each.path for each in rpm_files(rpm, directories))
                    self.paths.add(layout.filelists_shard(rpm.identity))
        self.paths.update(layout.leaf(leaf.digest) for leaf in content.advisories.leaves)
        for item in self._new(content.downloads, known):
            path = download_file(item).path
            self.paths.update((path, f"{path}{layout.CHECKSUM}", f"{path}{layout.SIGNATURE}"))
            self.paths.update(layer_paths(target, item))

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

    Raises :class:`RepositoryError` for what is no repository, or is damaged, or where hosts are
    shown something else than was published last.
    """
    target = existing(repository)
    with target.locked(layout.LOCK, emit), target.locked(layout.SHOWING, emit):
        state = load(target)
        if state.head is None or not is_shown(target, state.head):
            raise RepositoryError(
                "hosts are not shown yet what was published last",
                where=Where(target.place(layout.SHOWN)),
                hint="wait for who is publishing; if nobody is, publish again: that completes it",
            )
        # Who finds an index is to find what it lists.
        longer = state.head.repository.kept_seconds - KEPT_SECONDS
        named = _named(state, before, IN_FLIGHT + 2 * longer)
        found = Collected()
        for directory, is_record in _directories(target):
            names = [n for n in target.names(directory) if f"{directory}/{n}" not in named]
            ours = [name for name in names if _is_ours(directory, name)]
            ripe = target.settled(directory, ours, YOUNG + longer)
            sizes = target.sizes(directory) if ripe else {}
            found.size += sum(sizes.get(name, 0) for name in ripe)
            found.records += len(ripe) if is_record else 0
            found.files += 0 if is_record else len(ripe)
            if not dry_run:
                _remove(target, directory, ripe)
    return found


def _named(state: State, before: float, in_flight: float) -> set[str]:
    """Return the paths that are needed: by what is, or was not long ago, or may come back."""
    named = Named()
    young = time.time() - in_flight
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
    return named.paths


def _directories(target: Target) -> Iterator[tuple[str, bool]]:
    """Yield the directories of files that releases name, and whether those are records."""
    for directory in _below(target, f"{layout.APT}/pool", 3):
        yield directory, False
    for tree in _below(target, "yum", 3):
        for directory in _below(target, f"{tree}/Packages", 1):
            yield directory, False
    yield layout.DOWNLOADS, False
    yield layout.LAYERS, False
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


def _remove(target: Target, directory: str, names: Iterable[str]) -> None:
    gone = [f"{directory}/{name}" for name in names]
    for path in gone:
        target.remove(path)
    if gone and not target.names(directory):
        target.remove(directory)
