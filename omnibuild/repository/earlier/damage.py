"""Which files of earlier states are not what they are called, listed or signed as.

What is not there is no damage: who asks for it is told so, and starts anew from what is shown now.
Other content is taken for an attack, or for a broken mirror.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError, Where
from omnibuild.patterns import regex
from omnibuild.repository import layout
from omnibuild.repository.life.collection import Named
from omnibuild.repository.life.files import File
from omnibuild.repository.state.head import Head, history
from omnibuild.repository.targets.target import Target
from omnibuild.signing.certificate import certificates_in
from omnibuild.signing.messages import packets
from omnibuild.signing.parts import read_parts
from omnibuild.signing.verifier import Verifier

_MISNAMED = "it is not what its name says, and readers of an earlier state may ask for it"
_UNLISTED = "it is not what was published, and an earlier release lists it"
_UNSIGNED = (
    "it is not signed by the repository's keys, and readers of an earlier state may ask for it"
)

# So deep below apt/dists/ are directories of indexes: suite, component, installer, architecture.
_DEPTH = 4
_NAME = regex(r"([0-9a-f]{64})(-[a-z]+\.xml\.gz|\.tar\.zst|\.list|\.json)?")


@dataclass(frozen=True)
class Damage:
    """A file of an earlier state.

    Args:
        what: what is wrong with it.
        digest: what it should have; empty where only a signature tells.
    """

    path: str
    what: str
    digest: Digest = ""


@dataclass(frozen=True)
class Earlier:
    """What was, beside the present.

    Args:
        target: the repository; nothing is changed.
        head: the present.
    """

    target: Target
    head: Head

    def damaged(self) -> list[Damage]:
        """Return what is damaged, unless somebody who publishes meanwhile is about to remove it."""
        present = self._named(back=False).paths
        wanted = [each for each in self._digested if each.path not in present]
        signed = [Damage(path, _UNSIGNED) for path in _generations(self.target)]
        return self.still_damaged([*wanted, *signed])

    def alike(self, digests: Collection[Digest]) -> dict[str, File]:
        """Return where the content of these digests should be, also as part of the present."""
        found = [each for each in self._digested if each.digest in digests]
        return {each.path: File(each.path, 0, each.digest) for each in found}

    def still_damaged(self, suspected: Sequence[Damage]) -> list[Damage]:
        """Return those that are there, and are not what they should be."""
        found = self.target.read_digests([each.path for each in suspected if each.digest])
        return [
            each
            for each in suspected
            if (
                found[each.path] not in ("", each.digest) if each.digest else self._lacks(each.path)
            )
        ]

    @cached_property
    def _digested(self) -> list[Damage]:
        """What may be damaged: the packages of all releases, and what is called by its digest."""
        packages = self._named(back=True).packages.values()
        listed = [Damage(each.path, _UNLISTED, each.digest) for each in packages]
        return listed + [
            Damage(path, _MISNAMED, digest) for path, digest in _called_by(self.target)
        ]

    def _named(self, *, back: bool) -> Named:
        """Return what channels hold; with ``back`` also what they can go back to."""
        named = Named()
        for digest in self.head.releases.values():
            # Of a release or a leaf that cannot be read is told where those are checked.
            with contextlib.suppress(RepositoryError):
                for _, release in history(self.target, digest):
                    named.add(self.target, release, frozenset())
                    if not back:
                        break
        return named

    def _lacks(self, path: str) -> bool:
        """Tell whether what is there has no signature that can be one of the repository's keys."""
        signed = self.target.read(path)
        signature = self.target.read(f"{path}{layout.SIGNATURE}")
        if not signed or self._verifier.is_signed(signed, signature):
            return False
        # A key that was dropped signed what is older, and nobody has it any more.
        followed = self.head.repository.keyring.serial > 1
        issuers = {(each.issuer_fingerprint or "").upper() for each in packets(signature)}
        return not followed or issuers <= self._parts

    @cached_property
    def _keys(self) -> list[bytes]:
        return [key.certificate.encode() for key in self.head.repository.keys]

    @cached_property
    def _parts(self) -> frozenset[str]:
        return frozenset(part.fingerprint for key in self._keys for part in read_parts(key))

    @cached_property
    def _verifier(self) -> Verifier:
        where = Where(self.target.place(layout.HEAD))
        return Verifier(tuple(c.cert for key in self._keys for c in certificates_in(key, where)))


def _called_by(target: Target) -> Iterator[tuple[str, Digest]]:
    """Yield the files that are called after what is in them, with the digest that is meant."""
    shelves = [*_shelves(target, f"{layout.APT}/dists", _DEPTH), layout.LAYERS, layout.MANIFESTS]
    shelves += [path.rpartition("/")[0] for path in _metadata(target)]
    for shelf in shelves:
        for name in target.sizes(shelf):
            if match := _NAME.fullmatch(name):
                yield f"{shelf}/{name}", match[1]


def _shelves(target: Target, directory: str, depth: int) -> Iterator[str]:
    """Yield where indexes of apt lie by their digests."""
    files = target.sizes(directory)
    for name in target.names(directory):
        if name == "by-hash":
            yield f"{directory}/{name}/SHA256"
        elif depth and name not in files:
            yield from _shelves(target, f"{directory}/{name}", depth - 1)


def _metadata(target: Target) -> Iterator[str]:
    """Yield where repomd.xml is, of what is plain and of generations."""
    for channel in target.names("yum"):
        for tree in target.names(f"yum/{channel}"):
            for architecture in target.names(f"yum/{channel}/{tree}"):
                directory = layout.yum_directory(channel, tree, architecture)
                yield f"{directory}/repodata/repomd.xml"
                for name in filter(layout.GENERATION.fullmatch, target.names(directory)):
                    yield f"{directory}/{name}/repodata/repomd.xml"


def _generations(target: Target) -> Iterator[str]:
    """Yield what is signed of generations."""
    return (path for path in _metadata(target) if "/gen-" in path)
