"""``repo repair``: a repository is whole again, or it is told what is lost.

What is undamaged in the state is taken as it is. The rest is made again of what hosts see and the
repository's keys signed, with the package files. Nothing is ever taken out because its file is
gone, unless that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError, Where
from omnibuild.events import Emit, silent
from omnibuild.repository import layout
from omnibuild.repository.authors import author_of
from omnibuild.repository.draft import Draft, Signed
from omnibuild.repository.earlier.damage import Earlier
from omnibuild.repository.earlier.mending import mend_earlier, mend_generations
from omnibuild.repository.indexes import show
from omnibuild.repository.keys.package import add_keyring
from omnibuild.repository.life.files import files_of
from omnibuild.repository.life.served import check_served
from omnibuild.repository.mending.channels import withdraw
from omnibuild.repository.mending.layers import mend_layers
from omnibuild.repository.mending.manifests import mend_manifests
from omnibuild.repository.mending.served import mend_signatures
from omnibuild.repository.mending.state import Found, find_state
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.head import Head, Release, State, read_head, write_release
from omnibuild.repository.state.removals import await_removals
from omnibuild.repository.targets import open_target
from omnibuild.repository.targets.rehearsal import Rehearsal
from omnibuild.repository.targets.target import Target
from omnibuild.signing.signer import Signer

REPAIR = "repair"


@dataclass(frozen=True)
class Told:
    """Something about a file.

    Args:
        place: which.
    """

    place: str
    what: str


@dataclass
class Repaired:
    """What was done, or would be.

    Args:
        mended: what is whole again.
        lost: what is not: packages that are still listed, unless they were to be dropped.
        removed: what was damaged of earlier states, and nothing makes again.
        dropped: packages that were taken out, as people call them.
        unlisted: package files that no release names, and that are not shown.
    """

    mended: list[Told] = field(default_factory=list)
    lost: list[Told] = field(default_factory=list)
    removed: list[Told] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)

    def lines(self, *, dropped: bool, dry_run: bool) -> Iterator[str]:
        """Yield all of it in words."""
        for each in self.mended:
            yield f"{each.place}: {each.what}"
        for each in self.lost:
            first, *more = each.what.splitlines()
            yield f"lost: {each.place}: {first}"
            yield from (f"  {line}" for line in more)
        for each in self.removed:
            yield f"removed: {each.place}: {each.what}"
        yield from (f"- {title}" for title in self.dropped)
        yield from (f"not shown, as nothing lists it: {path}" for path in self.unlisted)
        if not (self.mended or self.lost or self.removed or self.dropped):
            yield "nothing was wrong"
        elif dry_run:
            yield "nothing was changed"
        elif self.lost and not dropped:
            yield "publish lost packages again, or have the repository without them: --drop-lost"


def repair(
    repository: Path | str,
    signer: Signer,
    emit: Emit = silent,
    *,
    drop_lost: bool = False,
    dry_run: bool = False,
) -> Repaired:
    """Make a repository whole again, of its own state and of what hosts see.

    Args:
        repository: where was published to.
        signer: the repository's key.
        emit: takes warnings.
        drop_lost: take packages out whose files are gone or damaged. Else they stay listed, and
            what cannot be listed without its file is an error before anything is changed.
        dry_run: only tell what would be done.

    Raises :class:`RepositoryError` or :class:`SigningKeyError` before anything is changed.
    """
    base = open_target(repository)
    target: Target = Rehearsal(base) if dry_run else base
    _check_place(target)
    with target.locked(layout.LOCK, emit):
        await_removals(target, emit)
        work = _Repair(target, find_state(target, signer), signer, Repaired())
        work.check_known(refuse=not (drop_lost or dry_run))
        with target.scratch() as scratch:
            work.mend_packages(Signed(scratch), drop=drop_lost)
            work.commit()
        work.prepare_showing()
        show(target, signer, list(work.found.channels), emit, through=True)
        work.mend_earlier(emit)
    return work.done


def _check_place(target: Target) -> None:
    names = (layout.HEAD, layout.SHOWN, f"{layout.APT}/dists", "yum", layout.LEAVES)
    if not any(map(target.exists, names)):
        raise RepositoryError("this is no repository", where=Where(target.place()))


@dataclass
class _Repair:
    """A repair while it is done."""

    target: Target
    found: Found
    signer: Signer
    done: Repaired

    def check_known(self, *, refuse: bool) -> None:
        """Tell what the state lacks; refuse to go on where packages would be lost by that."""
        for path, what in self.found.mended.items():
            self._mended(path, what)
        for path, what in self.found.unknown.items():
            self._lost(path, what)
        if self.found.unknown and refuse:
            raise RepositoryError(
                "packages are lost that nothing but their files could tell all of",
                where=Where(self.target.place()),
                why="\n".join(
                    f"{self.target.place(path)}: {what}"
                    for path, what in self.found.unknown.items()
                ),
                hint="put these files back from a copy, and repair again; or have the repository"
                " without them: --drop-lost",
            )

    def mend_packages(self, signed: Signed, *, drop: bool) -> None:
        """Have the files of all packages where they are listed."""
        found = self.found
        found.settle()
        for path, what in found.history.items():
            self._lost(path, what)
        for name in found.channels:
            add_keyring(
                Draft(self._state, self.signer, name, (), signed), found.record, through=True
            )
        listed = {
            file.path: file
            for name, content in found.channels.items()
            for file in files_of(name, content)
        }
        damaged = [path for path, file in listed.items() if not found.files.has(path, file.digest)]
        lost = found.files.mend(listed)
        for path in damaged:
            if path not in lost:
                self._mended(path, "copied from another place in the repository")
        for path in lost:
            was = found.files.digest(path)
            self._lost(path, f"expected {listed[path].digest}\nfound    {was or 'nothing'}")
        if drop:
            self._drop({listed[path].digest for path in lost})
        self._mend_shards(lost)
        self._mend_layers()
        self._mend_manifests()
        self.done.unlisted = [
            self.target.place(path) for path in found.files.unlisted({*listed, *found.named, *lost})
        ]

    def _drop(self, lost: set[str]) -> None:
        for content in self.found.channels.values():
            self.done.dropped += withdraw(content, lost)
        self.done.dropped = list(dict.fromkeys(self.done.dropped))

    def _mend_layers(self) -> None:
        for content in self.found.channels.values():
            for path, mended in mend_layers(self.target, self.found.files, content):
                if mended:
                    self._mended(path, "made of its tarball")
                else:
                    self._lost(path, "its tarball is lost, too")

    def _mend_manifests(self) -> None:
        for name, content in self.found.channels.items():
            for path, mended in mend_manifests(self.target, self.found.files, name, content):
                if mended:
                    self._mended(path, "taken out of its package")
                else:
                    self._lost(path, "its package is lost, too")

    def _mend_shards(self, lost: list[str]) -> None:
        for name, content in self.found.channels.items():
            for tree, index in content.trees.items():
                for rpm in index:
                    names = (rpm.architecture, *index.architectures)
                    places = [f"{layout.yum_directory(name, tree, n)}/{rpm.path}" for n in names]
                    there = next(
                        (p for p in places if self.found.files.digest(p) == rpm.digest), ""
                    )
                    if there and there not in lost and self.found.files.shard(rpm, there):
                        self._mended(layout.filelists_shard(rpm.identity), "made of its package")

    @property
    def _state(self) -> State:
        return State(self.target, self.found.head, dict(self.found.channels))

    def commit(self) -> None:
        """Write the state, where it is another one or is damaged."""
        found = self.found
        releases: dict[str, Digest] = {}
        for name, content in found.channels.items():
            contents, known = content.contents(), found.releases.get(name)
            releases[name] = found.chain.renamed.get(found.names[name], found.names[name])
            if known is None or known.contents != contents:
                release = Release(
                    channel=name,
                    contents=contents,
                    author=author_of(REPAIR),
                    removed=tuple(self.done.dropped),
                    before=releases[name],
                )
                releases[name] = write_release(self.target, release)
        self._write_head(releases)

    def _write_head(self, releases: dict[str, Digest]) -> None:
        found, before = self.found, self.found.head
        same = before and (before.repository, before.releases) == (found.record, releases)
        generation = found.generation + (0 if same else 1)
        head = Head(
            repository=found.record,
            releases=releases,
            generation=generation,
            removals=before.removals if before else msgspec.UNSET,
        )
        if found.read != head.encoded() and not self.target.put_if(
            layout.HEAD, head.encoded(), found.read
        ):
            raise RepositoryError(
                "somebody published meanwhile",
                where=Where(self.target.place(layout.HEAD)),
                hint="repair again",
            )

    def prepare_showing(self) -> None:
        """Tell what is wrong with what hosts see, and have it written again."""
        found = self.found
        for path in mend_signatures(self.target, found.evidence, found.channels, self.signer):
            self._mended(path, "signed again")
        channels = {
            name: Channel.of(self.target, content.contents())
            for name, content in found.channels.items()
        }
        for path in mend_generations(self.target, found.record, channels, found.evidence.verifier):
            self._mended(path, "the same bytes")
        for path, what in check_served(self.target, found.record, channels, deep=False):
            self._mended(path, f"written again: {what}")

    def mend_earlier(self, emit: Emit) -> None:
        """Have nothing there that is damaged of earlier states."""
        head = read_head(self.target, self.target.read(layout.HEAD))
        for each, whole in mend_earlier(Earlier(self.target, head), emit):
            if whole:
                self._mended(each.path, "copied from another place in the repository")
            else:
                self.done.removed.append(Told(self.target.place(each.path), each.what))

    def _mended(self, path: str, what: str) -> None:
        self.done.mended.append(Told(self.target.place(path), what))

    def _lost(self, path: str, what: str) -> None:
        self.done.lost.append(Told(self.target.place(path), what))
