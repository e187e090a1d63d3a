"""A channel with damaged lists, or without any: what it holds, from leaves and signed indexes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from omnibuild.repository import layout
from omnibuild.repository.apt.suite import list_of
from omnibuild.repository.mending.evidence import Evidence
from omnibuild.repository.mending.lists import Clues, damaged, earlier_rows, mended, rebuilt
from omnibuild.repository.mending.packages import Files
from omnibuild.repository.state.channel import Channel, Contents, Index, Shelf
from omnibuild.repository.state.choice import title_of
from omnibuild.repository.state.entries import NOARCH, Advisory, Deb, Download, Rpm, yanked
from omnibuild.repository.state.head import Release
from omnibuild.repository.state.ledger import Entry, Leaf, Ledger, Row

E = TypeVar("E", bound=Entry)


@dataclass
class Finding:
    """What there is to tell of a channel.

    Args:
        leaves: leaves that were made again: whether byte for byte.
        unknown: what nothing tells any more, by where it was.
    """

    leaves: dict[str, bool] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mender:
    """Mends what channels hold.

    Args:
        releases: of the channel, the newest first, as far as they can be read.
        earlier: those before the present one.
        others: tarballs and PEX files that are signed, and in no list of tarballs.
    """

    name: str
    evidence: Evidence
    files: Files
    releases: Sequence[Release]
    earlier: Sequence[Contents]
    others: Mapping[str, Download]
    finding: Finding = field(default_factory=Finding)
    _rpms: dict[str, dict[str, Rpm]] = field(default_factory=dict)
    _absent: dict[str, str] = field(default_factory=dict)

    def mend(self, content: Channel) -> Channel:
        """Return a channel of which some leaves are damaged."""
        for suite, debs in content.suites.items():
            for name, ledger in debs.lists.items():
                if damaged(ledger):
                    debs.lists[name] = self._mended(ledger, self._debs(suite, name))
        for tree, rpms in content.trees.items():
            for name, packages in rpms.lists.items():
                if damaged(packages):
                    clues = self._listed_rpms(tree, name, rpms.architectures)
                    rpms.lists[name] = self._mended(packages, clues)
        if damaged(content.downloads):
            content.downloads = self._mended(content.downloads, self._downloads())
        if damaged(content.advisories):
            content.advisories = self._mended(content.advisories, self._advisories(content))
        if broken := damaged(content.yanked):
            paths = (layout.leaf(content.yanked.leaves[number].digest) for number in broken)
            self.finding.leaves |= dict.fromkeys(paths, False)
            content.yanked = Channel.of(content.target).yanked
            self._note(content)
        return content

    def rebuild(self, suites: Iterable[str], trees: Mapping[str, Sequence[str]]) -> Channel:
        """Return a channel of whose state nothing is left.

        Args:
            suites: which it has.
            trees: the same, and their architectures.
        """
        target = self.evidence.target
        found = Channel.of(target)
        for suite in suites:
            found.suites[suite] = self._suite(suite)
        for tree, architectures in trees.items():
            index = Index(target, Rpm, tuple(sorted(architectures)))
            for name in (*index.architectures, NOARCH):
                clues = self._listed_rpms(tree, name, index.architectures)
                index.lists[name] = rebuilt(target, Rpm, clues)
            found.trees[tree] = index
        found.downloads = rebuilt(target, Download, self._downloads())
        found.advisories = rebuilt(target, Advisory, self._advisories(found))
        self._note(found)
        self.finding.unknown.update(self._absent)
        return found

    def _note(self, content: Channel) -> None:
        """Have in a channel what was yanked, as far as the log tells."""
        for release in reversed(self.releases):
            author = release.author
            gone = yanked(author.action, release.removed, release.reason, author.time)
            content.note(release.added, gone)

    def _suite(self, suite: str) -> Index[Deb]:
        found = self.evidence.suite(suite)
        if found is None:
            place = f"{layout.suite_directory(suite)}/InRelease"
            self.finding.unknown[place] = "nothing that is signed tells what the suite listed"
            return Index(self.evidence.target, Deb)
        names = {list_of(deb) for deb in found.debs}
        names |= {name for each in self.earlier for name in each.suites.get(suite, Shelf()).lists}
        index = Index(self.evidence.target, Deb, found.architectures)
        for name in sorted(names):
            index.lists[name] = rebuilt(self.evidence.target, Deb, self._debs(suite, name))
        return index

    def _mended(self, ledger: Ledger[E], clues: Clues[E]) -> Ledger[E]:
        done = mended(ledger, clues)
        for leaf in done.leaves:
            self.finding.leaves[layout.leaf(leaf.digest)] = done.exact
        if done.missing:
            place = layout.leaf(done.leaves[0].digest)
            self.finding.unknown[place] = f"nothing tells {done.missing} packages that it listed"
        return done.ledger

    def _debs(self, suite: str, name: str) -> Clues[Deb]:
        found = self.evidence.suite(suite)
        listed = found.debs if found else ()
        debs = [self.files.deb(deb) for deb in listed if list_of(deb) == name]
        states = (each.suites.get(suite, Shelf()) for each in self.earlier)
        return self._clues(Deb, {deb.key: deb for deb in debs}, _leaves(states, name))

    def _listed_rpms(self, tree: str, name: str, architectures: Iterable[str]) -> Clues[Rpm]:
        found: dict[str, Rpm] = {}
        for architecture in architectures if name == NOARCH else (name,):
            directory = layout.yum_directory(self.name, tree, architecture)
            found |= {
                key: rpm
                for key, rpm in self._tree(directory).items()
                if rpm.architecture == name and key not in found
            }
        states = (each.trees.get(tree, Shelf()) for each in self.earlier)
        return self._clues(Rpm, found, _leaves(states, name))

    def _tree(self, directory: str) -> dict[str, Rpm]:
        """Return what an architecture of a tree lists: only the files tell all of it."""
        if directory in self._rpms:
            return self._rpms[directory]
        found = self._rpms[directory] = {}
        listed = self.evidence.rpms(directory)
        if listed is None:
            place = f"{directory}/repodata/repomd.xml"
            self._absent[place] = "nothing that is signed tells what the tree listed"
        for path, digest in (listed or {}).items():
            rpm = self.files.rpm(directory, path, digest)
            if rpm is None:
                place = f"{directory}/{path}"
                self._absent[place] = f"it is listed, and not there as it was\nexpected {digest}"
            else:
                found[rpm.key] = rpm
        return found

    def _downloads(self) -> Clues[Download]:
        found = self.evidence.downloads(self.name) or ()
        states = [each.downloads for each in self.earlier]
        return self._clues(Download, {item.key: item for item in found}, states, self.others)

    def _advisories(self, content: Channel) -> Clues[Advisory]:
        """Return what trees are told of: all of an advisory but packages that no tree holds."""
        shown: dict[str, Advisory] = {}
        for tree, index in content.trees.items():
            for architecture in index.architectures:
                directory = layout.yum_directory(self.name, tree, architecture)
                for each in self.evidence.advisories(directory):
                    known = shown.get(each.key, each)
                    packages = tuple(sorted({*each.packages, *known.packages}))
                    shown[each.key] = msgspec.structs.replace(each, packages=packages)
        return self._clues(Advisory, shown, [each.advisories for each in self.earlier])

    def _clues(
        self,
        kind: type[E],
        shown: Mapping[str, E],
        states: Iterable[Sequence[Leaf]],
        others: Mapping[str, E] | None = None,
    ) -> Clues[E]:
        before: Mapping[str, Row[E]] = earlier_rows(self.evidence.target, kind, states)
        return Clues(shown, others or {}, before)


def _leaves(states: Iterable[Shelf], name: str) -> Iterator[Sequence[Leaf]]:
    for shelf in states:
        yield shelf.lists.get(name, ())


def withdraw(content: Channel, lost: set[str]) -> list[str]:
    """Take packages out of a channel by their digests; return what people call them."""
    gone: list[str] = []
    for suite in content.suites.values():
        for debs in suite.lists.values():
            for deb in [each for each in debs if each.digest in lost]:
                debs.withdraw(deb)
                gone.append(title_of(deb))
    for tree in content.trees.values():
        for rpms in tree.lists.values():
            for rpm in [each for each in rpms if each.digest in lost]:
                rpms.withdraw(rpm)
                gone.append(title_of(rpm))
    for item in [each for each in content.downloads if each.digest in lost]:
        content.downloads.withdraw(item)
        gone.append(title_of(item))
    return gone
