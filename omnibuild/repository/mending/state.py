"""The state as it was, or what comes nearest to it: the head, releases, channels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError, Where
from omnibuild.repository import layout
from omnibuild.repository.keys.trusted import check_signers
from omnibuild.repository.life.collection import Named
from omnibuild.repository.mending.chain import Chain, told
from omnibuild.repository.mending.channels import Finding, Mender
from omnibuild.repository.mending.evidence import Evidence
from omnibuild.repository.mending.packages import Files
from omnibuild.repository.mending.places import Place, places_of
from omnibuild.repository.mending.record import (
    keyring_of,
    record_of_files,
    record_of_installer,
    with_suites,
)
from omnibuild.repository.state.channel import Channel, Contents
from omnibuild.repository.state.entries import Download
from omnibuild.repository.state.head import (
    Head,
    Keyring,
    Release,
    Repository,
    read_head,
    read_release,
    read_shown,
)
from omnibuild.repository.targets.target import Target
from omnibuild.signing.certificate import Certificate, certificates_in
from omnibuild.signing.signer import Signer
from omnibuild.signing.verifier import Verifier


@dataclass
class Found:
    """What there is of a repository.

    Args:
        read: what is at the head's place.
        head: the present, or what hosts were shown last; nothing when both are lost.
        names: the release that each channel's next one follows, or the present one.
        releases: those that can be read.
        channels: what they hold, as far as anything tells it.
        mended: what is made again, by its path.
        history: releases that are lost, by their paths.
        unknown: what is lost of the present, by its path.
    """

    target: Target
    read: bytes
    head: Head | None
    record: Repository
    evidence: Evidence
    files: Files
    chain: Chain
    names: dict[str, Digest] = field(default_factory=dict)
    releases: dict[str, Release] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    mended: dict[str, str] = field(default_factory=dict)
    history: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    def settle(self) -> None:
        """Write what was made again, and have a history without what is lost.

        Until here nothing is written.
        """
        for name, content in self.channels.items():
            release = self.releases.get(name)
            present = self.head.releases[name] if self.head else ""
            # Whole is also what was just made again byte for byte.
            exact = release is not None and content.contents() == release.contents
            self.names[name] = self.chain.mend(present if exact else self.names[name])
        self.history.update(told(self.chain.lost))

    @property
    def named(self) -> set[str]:
        """The paths that kept releases name."""
        named = Named()
        for digest in self.names.values():
            for _, release in self.chain.history(digest):
                named.add(self.target, release, frozenset())
        return named.paths

    @property
    def generation(self) -> int:
        """How often the head was replaced, as far as it is known."""
        return self.head.generation if self.head else 0


def find_state(target: Target, signer: Signer) -> Found:
    """Read a repository, whatever is damaged in it.

    Raises :class:`RepositoryError` when nothing tells what it is, and :class:`SigningKeyError`
    when it is another key's.
    """
    data = target.read(layout.HEAD)
    head, mended = _head(target, data)
    certificates = [each.certificate for each in signer.all]
    if head:
        check_signers(head.repository.keys, head.repository.signers, signer)
        certificates += _trusted(head.repository)
    evidence = Evidence(target, Verifier(tuple(each.cert for each in certificates)))
    known = head.repository if head else _record(evidence, signer)
    record = msgspec.structs.replace(known)
    found = Found(
        target,
        data,
        head,
        record,
        evidence,
        Files(target, record.keys),
        Chain(target),
        mended=mended,
    )
    if head is None:
        check_signers(record.keys, record.signers, signer)
    places = places_of(target, record.systems.values())
    others = _signed_downloads(evidence, places)
    for name in head.releases if head else places:
        _find_channel(found, name, places.get(name, Place()), others)
    if head is None:
        found.record.keyring = _keyring(found)
        if target.exists(f"{layout.APT}/pool") and not any(each.suites for each in places.values()):
            found.unknown[f"{layout.APT}/dists"] = "nothing tells what suites there were"
    return found


def _head(target: Target, data: bytes) -> tuple[Head | None, dict[str, str]]:
    try:
        if data:
            return read_head(target, data), {}
    except RepositoryError:
        pass
    if target.exists(layout.EARLIER):
        read_earlier(target)
    shown = read_shown(target)
    what = "made again of what hosts see" if shown is None else "it is what hosts were shown last"
    return shown, {layout.HEAD: what}


def read_earlier(target: Target) -> None:
    """Raise :class:`RepositoryError`: that state is another program's."""
    raise RepositoryError(
        "the repository was written by an omnibuild that kept its state in another way",
        where=Where(target.place(layout.EARLIER)),
        hint="publish the packages into a new directory, with the same key",
    )


def _trusted(record: Repository) -> Iterator[Certificate]:
    for key in record.keys:
        yield from certificates_in(key.certificate.encode(), Where(key.fingerprint))


def _record(evidence: Evidence, signer: Signer) -> Repository:
    suites = evidence.target.names(f"{layout.APT}/dists")
    found = record_of_installer(evidence, signer) or record_of_files(evidence, suites, signer)
    return with_suites(found, evidence, suites)


def _signed_downloads(evidence: Evidence, places: Mapping[str, Place]) -> dict[str, Download]:
    """Return what was published in some channel, and is in no list: nothing else is signed."""
    target = evidence.target
    listed = {item.name for name in places for item in evidence.downloads(name) or ()}
    found = {}
    for name, size in sorted(target.sizes(layout.DOWNLOADS).items()):
        path = f"{layout.DOWNLOADS}/{name}"
        if name in listed or not layout.DOWNLOAD_NAME.fullmatch(name):
            continue
        with target.local(path) as file:
            if evidence.verifier.is_signed_file(file, target.read(f"{path}{layout.SIGNATURE}")):
                item = Download(name=name, digest=target.digest(path), size=size)
                found[item.key] = item
    return found


def _find_channel(found: Found, name: str, place: Place, others: Mapping[str, Download]) -> None:
    target, digest = found.target, found.head.releases[name] if found.head else ""
    try:
        release = read_release(target, digest) if digest else None
    except RepositoryError as error:
        release = None
        found.history[layout.release(digest)] = f"who published it is not known: {error.why}"
    if release:
        found.releases[name] = release
    newest = release.before if release else found.chain.newest(name)
    before = [each for _, each in found.chain.history(newest)]
    earlier = [each.contents for each in before]
    releases = [*([release] if release else []), *before]
    mender = Mender(name, found.evidence, found.files, releases, earlier, others)
    if release:
        content = mender.mend(Channel.of(target, release.contents))
        _tell(found, name, mender.finding)
    else:
        content = mender.rebuild(*_shape(place, earlier))
        found.mended |= {f"{layout.LEAVES}": f"channel {name} is read from what hosts see"}
        found.unknown |= mender.finding.unknown
    found.channels[name] = content
    found.names[name] = newest


def _tell(found: Found, name: str, finding: Finding) -> None:
    for path, exact in finding.leaves.items():
        found.mended[path] = "the same bytes" if exact else f"made again, for channel {name}"
    found.unknown |= finding.unknown


def _shape(place: Place, earlier: list[Contents]) -> tuple[list[str], dict[str, list[str]]]:
    """Return the suites and trees of a channel: those that are there, and those that were."""
    suites, trees = dict.fromkeys(place.suites), dict(place.trees)
    for contents in earlier[:1]:
        suites |= dict.fromkeys(contents.suites)
        for tree, shelf in contents.trees.items():
            trees.setdefault(tree, list(shelf.architectures))
    return list(suites), trees


def _keyring(found: Found) -> Keyring:
    name = layout.keyring_package(found.record.name)
    channels = found.channels.values()
    debs = [deb for each in channels for suite in each.suites.values() for deb in suite.named(name)]
    rpms = [rpm for each in channels for tree in each.trees.values() for rpm in tree.named(name)]
    return keyring_of(debs, rpms)
