"""A channel while packages are added to it: content goes to its place, entries into the state.

Nothing of it is seen by readers before the indexes name it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from omnibuild import digests
from omnibuild.errors import PackageError, Where
from omnibuild.files import scratch_directory
from omnibuild.package.rpm.reader import RpmInfo, read_rpm
from omnibuild.package.rpm.signature import sign_rpm
from omnibuild.recipe.models import Platform
from omnibuild.repository import intake, layout, yum
from omnibuild.repository.apt.suite import ALL, stanza
from omnibuild.repository.intake import Submission
from omnibuild.repository.routing import suite_for, trees_for
from omnibuild.repository.rpm_metadata import (
    SignedFile,
    filelists_element,
    other_element,
    primary_element,
)
from omnibuild.repository.state import Channel, Deb, Download, Rpm
from omnibuild.repository.target import Target
from omnibuild.signing.signer import Signer


@dataclass(frozen=True)
class Draft:
    """The next state of one channel.

    Args:
        name: the channel.
        channels: all channels of the repository, this one among them.
    """

    target: Target
    signer: Signer
    name: str
    channels: Mapping[str, Channel]
    platforms: Sequence[Platform]

    @property
    def content(self) -> Channel:
        """What the channel holds, with what was added so far."""
        return self.channels[self.name]

    def add(self, submission: Submission) -> bool:
        """Bring a package to its place; tell whether the channel did not hold it."""
        if submission.format == intake.DEB:
            return self._add_deb(submission)
        if submission.format == intake.RPM:
            return self._add_rpm(submission)
        return self._add_download(submission)

    def spread_noarch(self) -> None:
        """Have packages without architecture in the directory of each architecture."""
        for tree, index in self.content.trees.items():
            directories = [
                layout.yum_directory(self.name, tree, architecture)
                for architecture in index.architectures
            ]
            for rpm in self.content.rpms_of(tree):
                if rpm.architecture == yum.NOARCH:
                    self._spread(rpm.path, directories)

    def _add_deb(self, submission: Submission) -> bool:
        control = submission.control or {}
        size = submission.source.stat().st_size
        self._copy(submission, f"{layout.APT}/{submission.path}")
        self.content.debs[submission.identity] = Deb(
            name=submission.name,
            version=submission.version,
            architecture=submission.architecture,
            summary=control.get("Description", "").partition("\n")[0],
            digest=submission.identity,
            size=size,
            path=submission.path,
            stanza=stanza(control, path=submission.path, size=size, digest=submission.identity),
        )
        suite = self.content.suite(suite_for(submission.version, self.name, self.platforms))
        if submission.architecture != ALL or not suite.architectures:
            suite.add_architecture(submission.architecture)
        return suite.add_package(submission.identity)

    def _add_download(self, submission: Submission) -> bool:
        name = submission.name
        self._copy(submission, submission.path)
        new = name not in self.content.downloads
        self.content.downloads[name] = Download(
            name=name, digest=submission.identity, size=submission.source.stat().st_size
        )
        return new

    def _copy(self, submission: Submission, path: str) -> None:
        if self.target.digest(path) != submission.identity:
            self.target.put_file(path, submission.source)
            if self.target.digest(path) != submission.identity:
                self.target.remove(path)
                raise _changed(submission)

    def _add_rpm(self, submission: Submission) -> bool:
        trees = trees_for(submission, self.platforms)
        rpm = self._published_rpm(submission, trees) or self._signed_rpm(submission, trees)
        self.content.rpms[rpm.identity] = rpm
        added = [self.content.tree(tree).add_package(rpm.identity) for tree in trees]
        return any(added)

    def _published_rpm(self, submission: Submission, trees: Sequence[str]) -> Rpm | None:
        """Take an rpm that some channel holds: signed again, it would have other bytes."""
        for rpm, path in self._holdings(submission):
            if self.target.digest(path) == rpm.digest:
                for directory in self._directories(submission, trees):
                    if self.target.digest(f"{directory}/{rpm.path}") != rpm.digest:
                        self.target.put_file(f"{directory}/{rpm.path}", self.target.root / path)
                return rpm
        return None

    def _holdings(self, submission: Submission) -> Iterator[tuple[Rpm, str]]:
        for name, channel in self.channels.items():
            rpm = channel.rpms.get(submission.identity)
            for tree, index in channel.trees.items():
                if rpm and rpm.identity in index.packages:
                    for architecture in index.architectures:
                        directory = layout.yum_directory(name, tree, architecture)
                        yield rpm, f"{directory}/{rpm.path}"

    def _signed_rpm(self, submission: Submission, trees: Sequence[str]) -> Rpm:
        with scratch_directory(self.target.root / "state") as scratch:
            signed = scratch / submission.source.name
            sign_rpm(submission.source, signed, self.signer.sign_detached)
            # The signature moves the header: its place is that in the signed file.
            info = read_rpm(signed)
            if info.header_digest != submission.identity:
                raise _changed(submission)
            file = SignedFile(submission.path, digests.of_file(signed), signed.stat().st_size)
            for directory in self._directories(submission, trees):
                self.target.put_file(f"{directory}/{file.path}", signed)
        shard = yum.compress(filelists_element(info, file.digest))
        self.target.put(layout.filelists_shard(submission.identity), shard)
        return _rpm(submission, info, file)

    def _directories(self, submission: Submission, trees: Sequence[str]) -> list[str]:
        architectures = {
            tree: self.content.tree(tree).architectures[:1]
            if submission.architecture == yum.NOARCH
            else [submission.architecture]
            for tree in trees
        }
        return [
            layout.yum_directory(self.name, tree, architecture)
            for tree in trees
            for architecture in architectures[tree]
        ]

    def _spread(self, path: str, directories: Sequence[str]) -> None:
        files = [self.target.root / directory / path for directory in directories]
        source = next(file for file in files if file.exists())
        for directory, file in zip(directories, files, strict=True):
            if not file.exists():
                self.target.put_file(f"{directory}/{path}", source)


def _rpm(submission: Submission, info: RpmInfo, file: SignedFile) -> Rpm:
    return Rpm(
        name=submission.name,
        version=submission.version,
        architecture=submission.architecture,
        summary=info.summary,
        identity=submission.identity,
        digest=file.digest,
        size=file.size,
        path=file.path,
        primary=primary_element(info, file),
        other=other_element(info, file.digest),
    )


def _changed(submission: Submission) -> PackageError:
    """Return the error for a file that is no longer the one that was looked at."""
    return PackageError(
        f"{submission.source.name} changed while it was published",
        where=Where(str(submission.source)),
        hint="publish it when nothing writes there",
    )
