"""Package files where they lie: read as foreign input, and compared with what is listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.errors import OmnibuildError
from omnibuild.package.rpm.reader import RpmInfo, read_rpm_headers
from omnibuild.package.rpm.tags import SignatureTag
from omnibuild.repository import intake, layout
from omnibuild.repository.draft import deb_entry
from omnibuild.repository.keys.trusted import TrustedKey
from omnibuild.repository.life.files import File
from omnibuild.repository.state.entries import Deb, Rpm
from omnibuild.repository.targets.target import Target
from omnibuild.repository.yum.elements import SignedFile, filelists_element
from omnibuild.repository.yum.incoming import rpm_entry
from omnibuild.repository.yum.metadata import compress, is_whole
from omnibuild.signing.parts import read_parts
from omnibuild.signing.signer import issuer

_PACKAGES = ((f"{layout.APT}/pool", 3), ("yum", 5))


@dataclass(frozen=True)
class Files:
    """The package files of a repository.

    Args:
        keys: what its hosts trust: one of them signed each rpm.
    """

    target: Target
    keys: tuple[TrustedKey, ...]
    _digests: dict[str, Digest] = field(default_factory=dict)

    def digest(self, path: str) -> Digest:
        """Return the digest of what lies there, read whole once; empty when nothing does."""
        if path not in self._digests:
            self._digests[path] = ""
            if self.target.exists(path):
                with self.target.local(path) as file:
                    self._digests[path] = digests.of_file(file)
        return self._digests[path]

    def has(self, path: str, digest: Digest) -> bool:
        """Tell whether that lies there; what was not so is looked at again."""
        if self.digest(path) != digest:
            del self._digests[path]
        return self.digest(path) == digest

    def mend(self, places: Mapping[str, File]) -> list[str]:
        """Have each file at all its places, as far as it is whole at one.

        Args:
            places: what is listed, by its path.

        Returns the paths of what is lost.
        """
        copies: dict[Digest, list[str]] = {}
        for path, file in places.items():
            copies.setdefault(file.digest, []).append(path)
        lost = []
        for digest, paths in copies.items():
            found = (*paths, *self._copies(paths[0]))
            whole = next((path for path in found if self.digest(path) == digest), "")
            for path in paths:
                if self.digest(path) != digest and whole:
                    self.target.copy(whole, path)
                    self._digests[path] = digest
                elif not whole:
                    lost.append(path)
        return lost

    def deb(self, listed: Deb) -> Deb:
        """Return what is recorded of a .deb, with what only its file tells, if that is there."""
        place = f"{layout.APT}/{listed.path}"
        if self.digest(place) != listed.digest:
            return listed
        with self.target.local(place) as file:
            try:
                found = deb_entry(intake.inspect(file))
            except OmnibuildError:
                return listed
        # Where it lies is told by the index: its component is nowhere in it.
        return msgspec.structs.replace(found, path=listed.path, stanza=listed.stanza)

    def rpm(self, directory: str, path: str, digest: Digest) -> Rpm | None:
        """Return what is recorded of an rpm; nothing when its file is not what is listed.

        Args:
            directory: that of an architecture of a tree.
            path: below it.
            digest: as signed metadata has it.
        """
        place = f"{directory}/{path}"
        places = (place, *self._copies(place))
        place = next((each for each in places if self.digest(each) == digest), "")
        if not place:
            return None
        with self.target.local(place) as file:
            try:
                submission = intake.inspect(file)
                signature = read_rpm_headers(file).signature
            except OmnibuildError:
                # It is what was published, by a program that is not this one.
                return None
            size = file.stat().st_size
        if submission.info is None:
            return None
        made = signature.values(SignatureTag.RSA) or signature.values(SignatureTag.DSA)
        signed = SignedFile(path, digest, size)
        return rpm_entry(submission, submission.info, signed, self._signed_by(made))

    def _copies(self, path: str) -> list[str]:
        """Return where an rpm may lie as well."""
        parts = path.split("/")
        if parts[0] != "yum":
            return []
        return [f"{each}/{'/'.join(parts[4:])}" for each in self._directories]

    @cached_property
    def _directories(self) -> tuple[str, ...]:
        """Those of all trees: channels have copies of the same rpm."""
        return tuple(_below(self.target, "yum", 2))

    def _signed_by(self, signature: object) -> str:
        part = issuer(signature) if isinstance(signature, bytes) else ""
        for key in self.keys:
            if any(each.fingerprint == part for each in read_parts(key.certificate.encode())):
                return key.fingerprint
        return ""

    def shard(self, rpm: Rpm, place: str) -> bool:
        """Have an rpm's file list again when it is damaged; tell whether it was.

        Args:
            rpm: what is listed.
            place: where its file lies.
        """
        path = layout.filelists_shard(rpm.identity)
        if is_whole(self.target.read(path)):
            return False
        with self.target.local(place) as file:
            info: RpmInfo | None = intake.inspect(file).info
        if info is not None:
            self.target.put(path, compress(filelists_element(info, rpm.digest)))
        return True

    def unlisted(self, named: Iterable[str]) -> Iterator[str]:
        """Yield package files that nothing names."""
        known = set(named)
        for top, depth in _PACKAGES:
            for path in _below(self.target, top, depth):
                if path.endswith(intake.PACKAGE_SUFFIXES) and path not in known:
                    yield path
        for name in sorted(self.target.names(layout.DOWNLOADS)):
            path = f"{layout.DOWNLOADS}/{name}"
            if layout.DOWNLOAD_NAME.fullmatch(name) and path not in known:
                yield path


def _below(target: Target, directory: str, depth: int) -> Iterator[str]:
    found = [directory]
    for _ in range(depth + 1):
        found = [f"{each}/{name}" for each in found for name in sorted(target.names(each))]
    yield from found
