"""A channel while packages are added to it: content goes to its place, entries into the state.

Nothing of it is seen by readers before the indexes name it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from omnibuild.digests import Digest
from omnibuild.recipe.models import Platform
from omnibuild.repository import intake, layout
from omnibuild.repository.apt.suite import ALL, list_of, stanza
from omnibuild.repository.intake import Submission, changed_meanwhile
from omnibuild.repository.routing import suite_for, trees_for
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.entries import NOARCH, Advisory, Change, Deb, Download, Rpm
from omnibuild.repository.state.head import State
from omnibuild.repository.targets.target import Target
from omnibuild.signing.signer import Signer

if TYPE_CHECKING:
    from omnibuild.repository.layers.storing import Layered

# To begin processes takes as long as some signatures.
MANY: Final = 16


class Signed(Struct):
    """The rpms that were signed for this publishing, by identity: signed again they would differ.

    Args:
        scratch: where they are until they are published.
    """

    scratch: Path
    rpms: dict[Digest, tuple[Rpm, Path, bytes]] = field(default_factory=dict)


def layered(
    submissions: Sequence[Submission], target: Target
) -> AbstractContextManager[Mapping[Digest, Layered]]:
    """Return the layers of tarballs, by their digests."""
    if all(each.format != intake.TAR for each in submissions):
        return nullcontext({})
    # Loaded for tarballs: it knows how to open any package.
    from omnibuild.repository.layers.storing import layers_of

    return layers_of(submissions, target)


class Draft(Struct, frozen=True):
    """The next state of one channel.

    Args:
        state: the repository with all its channels, this one among them.
        name: the channel.
        signed: what was signed so far.
        layers: those of tarballs, by the tarballs' digests.
    """

    state: State
    signer: Signer
    name: str
    platforms: Sequence[Platform]
    signed: Signed
    layers: Mapping[Digest, Layered] = field(default_factory=dict)

    @property
    def content(self) -> Channel:
        """What the channel holds, with what was added so far."""
        return self.state.channel(self.name)

    def sign(self, submissions: Iterable[Submission]) -> None:
        """Sign rpms that no channel holds, if they are many: several at a time."""
        if not self.signer.at_once:
            return
        new = {
            each.identity: each
            for each in submissions
            if each.format == intake.RPM
            and each.identity not in self.signed.rpms
            and not any(self._holdings(each))
        }
        if len(new) >= MANY:
            from omnibuild.repository.yum.together import signed_together

            together = signed_together([*new.values()], self.signed.scratch, self.signer)
            self.signed.rpms.update(zip(new, together, strict=True))

    def add(self, submission: Submission) -> bool:
        """Bring a package to its place; tell whether the channel did not hold it."""
        if digest := submission.described:
            self.state.target.put(layout.manifest(digest), submission.manifest)
        if submission.format == intake.DEB:
            suite = suite_for(submission.version, self.name, self.platforms)
            return self._add_deb(submission, [suite])
        if submission.format == intake.RPM:
            return self._add_rpm(submission, trees_for(submission, self.platforms))
        return self._add_download(submission)

    def add_everywhere(self, submission: Submission) -> bool:
        """Bring a package for any architecture to all suites or trees that there are."""
        if submission.format == intake.DEB:
            return self._add_deb(submission, list(self.content.suites))
        return self._add_rpm(submission, list(self.content.trees))

    def spread_noarch(self, keys: Collection[str] | None = None) -> None:
        """Have packages without architecture, or some of them, also where each architecture is."""
        for tree, index in self.content.trees.items():
            directories = [
                layout.yum_directory(self.name, tree, architecture)
                for architecture in index.architectures
            ]
            ledger = index.lists.get(NOARCH)
            rpms: Iterable[Rpm] = ledger or ()
            if ledger and keys is not None:
                rpms = filter(None, map(ledger.get, keys))
            for rpm in rpms:
                self._spread(rpm.path, directories)

    def advise(self, advisories: Iterable[Advisory], submissions: Iterable[Submission]) -> None:
        """Have advisories say that these packages mend them."""
        keys = [each.key for each in submissions if each.format == intake.RPM]
        for advisory in advisories:
            self.content.advise(advisory, keys)

    def _add_deb(self, submission: Submission, names: Iterable[str]) -> bool:
        self._copy(submission, f"{layout.APT}/{submission.path}")
        deb = deb_entry(submission)
        new = False
        for suite in map(self.content.suite, names):
            if submission.architecture != ALL or not suite.architectures:
                suite.add_architecture(submission.architecture)
            new |= suite.list(list_of(deb)).put(deb)
        return new

    def _add_download(self, submission: Submission) -> bool:
        size = submission.source.stat().st_size
        self._copy(submission, submission.path)
        layered = self.layers.get(submission.identity)
        layers = layered.put(self.state.target) if layered else ""
        item = Download(
            name=submission.name,
            digest=submission.identity,
            size=size,
            layers=layers,
            manifest=submission.described or "",
        )
        return self.content.downloads.put(item)

    def _copy(self, submission: Submission, path: str) -> None:
        target = self.state.target
        # What no channel lists is hardly ever there, and is not asked for.
        listed = any(each.identity(submission.key) for each in self.state.channels.values())
        if listed and target.digest(path) == submission.identity:
            return
        if target.put_new(path, submission.source) != submission.identity:
            target.remove(path)
            raise changed_meanwhile(submission)

    def _add_rpm(self, submission: Submission, trees: Sequence[str]) -> bool:
        rpm = self._published_rpm(submission, trees) or self._signed_rpm(submission, trees)
        added = [self.content.tree(tree).list(rpm.architecture).put(rpm) for tree in trees]
        return any(added)

    def _published_rpm(self, submission: Submission, trees: Sequence[str]) -> Rpm | None:
        """Take an rpm that some channel holds: signed again, it would have other bytes."""
        target = self.state.target
        for rpm, path in self._holdings(submission):
            if target.digest(path) == rpm.digest:
                for directory in self._directories(submission, trees):
                    if target.digest(f"{directory}/{rpm.path}") != rpm.digest:
                        target.copy(path, f"{directory}/{rpm.path}")
                return rpm
        return None

    def _holdings(self, submission: Submission) -> Iterator[tuple[Rpm, str]]:
        for name, channel in self.state.channels.items():
            for tree, index in channel.trees.items():
                ledger = index.lists.get(submission.architecture)
                rpm = ledger.get(submission.key) if ledger else None
                if rpm and rpm.identity == submission.identity:
                    for architecture in index.architectures:
                        directory = layout.yum_directory(name, tree, architecture)
                        yield rpm, f"{directory}/{rpm.path}"

    def _signed_rpm(self, submission: Submission, trees: Sequence[str]) -> Rpm:
        if submission.identity not in self.signed.rpms:
            self.signed.rpms[submission.identity] = self._sign(submission)
        rpm, path, shard = self.signed.rpms[submission.identity]
        # Again when somebody else was faster, who may have removed what nothing named yet.
        self.state.target.put(layout.filelists_shard(submission.identity), shard)
        for directory in self._directories(submission, trees):
            self.state.target.put_file(f"{directory}/{rpm.path}", path)
        return rpm

    def _sign(self, submission: Submission) -> tuple[Rpm, Path, bytes]:
        # Loaded when an rpm is new: a .deb needs nothing of it.
        from omnibuild.repository.yum.incoming import signed_rpm

        signed = self.signed.scratch / f"{submission.identity}.rpm"
        rpm, shard = signed_rpm(submission, signed, self.signer)
        return rpm, signed, shard

    def _directories(self, submission: Submission, trees: Sequence[str]) -> list[str]:
        architectures = {
            tree: self.content.tree(tree).architectures[:1]
            if submission.architecture == NOARCH
            else (submission.architecture,)
            for tree in trees
        }
        return [
            layout.yum_directory(self.name, tree, architecture)
            for tree in trees
            for architecture in architectures[tree]
        ]

    def _spread(self, path: str, directories: Sequence[str]) -> None:
        target = self.state.target
        files = [f"{directory}/{path}" for directory in directories]
        source = next(file for file in files if target.exists(file))
        for file in files:
            if not target.exists(file):
                target.copy(source, file)


def deb_entry(submission: Submission) -> Deb:
    """Return what is recorded of a .deb."""
    control = submission.deb.fields if submission.deb else {}
    changes = submission.deb.changes if submission.deb else ()
    size = submission.source.stat().st_size
    return Deb(
        name=submission.name,
        version=submission.version,
        architecture=submission.architecture,
        summary=control.get("Description", "").partition("\n")[0],
        digest=submission.identity,
        size=size,
        path=submission.path,
        stanza=stanza(control, path=submission.path, size=size, digest=submission.identity),
        changes=tuple(Change(each.version, each.date, each.author, each.text) for each in changes),
        manifest=submission.described,
    )
