"""The releases of channels: those that are whole are kept, and follow one another again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError
from omnibuild.repository import layout
from omnibuild.repository.state.head import Release, read_release, write_release
from omnibuild.repository.state.ledger import is_whole_leaf
from omnibuild.repository.targets.target import Target


@dataclass
class Chain:
    """The history of all channels.

    Args:
        lost: releases that no channel can go back to, by their digests: what is wrong with them.
        renamed: what releases are called since they follow another one than before.
    """

    target: Target
    lost: dict[Digest, str] = field(default_factory=dict)
    renamed: dict[Digest, Digest] = field(default_factory=dict)
    _leaves: dict[Digest, bool] = field(default_factory=dict)

    def history(self, digest: Digest) -> Iterator[tuple[Digest, Release]]:
        """Yield a release and those before it that can be read, the newest first."""
        while digest and self.target.exists(layout.release(digest)):
            try:
                release = read_release(self.target, digest)
            except RepositoryError as error:
                self.lost[digest] = error.why
                return
            yield digest, release
            digest = release.before

    def newest(self, channel: str) -> Digest:
        """Return the release of a channel that no other one follows, the latest if there are more.

        It is asked for when the present one is lost: nothing names it then.
        """
        found: dict[Digest, Release] = {}
        for name in self.target.names(layout.RELEASES):
            digest = name.removesuffix(".json")
            try:
                release = read_release(self.target, digest)
            except RepositoryError:
                continue
            if release.channel == channel:
                found[digest] = release
        followed = {release.before for release in found.values()}
        ends = [digest for digest in found if digest not in followed]
        return max(ends, key=lambda each: found[each].author.time, default="")

    def mend(self, digest: Digest) -> Digest:
        """Have a history without what is lost; return what its newest release is called now.

        What precedes the damage stays what it is; what followed it is written again, as a release
        names the one before, and is called by its digest.
        """
        releases = list(self.history(digest))
        before = releases[-1][1].before if releases else ""
        before = "" if before in self.lost else before
        for name, release in reversed(releases):
            if not self._is_whole(release):
                self.lost[name] = "a leaf that it needs is gone or damaged"
                continue
            origin = self.renamed.get(release.origin, release.origin)
            kept = msgspec.structs.replace(release, before=before, origin=origin)
            before = name if kept == release else write_release(self.target, kept)
            if before != name:
                self.renamed[name] = before
        return before

    def _is_whole(self, release: Release) -> bool:
        return all(map(self._can_read, release.contents.leaves))

    def _can_read(self, leaf: Digest) -> bool:
        if leaf not in self._leaves:
            self._leaves[leaf] = is_whole_leaf(self.target, leaf)
        return self._leaves[leaf]


def told(lost: Mapping[Digest, str]) -> Iterator[tuple[str, str]]:
    """Yield what to say of lost releases, by where they are."""
    for digest, why in lost.items():
        yield layout.release(digest), f"no channel can go back to it, and the log lacks it: {why}"
