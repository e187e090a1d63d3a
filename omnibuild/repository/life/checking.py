"""Whether a repository is what it says: its state, the files that it lists, what hosts read."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from omnibuild.digests import Digest
from omnibuild.errors import RepositoryError, StorageError
from omnibuild.events import silent
from omnibuild.repository import layout
from omnibuild.repository.earlier.damage import Earlier
from omnibuild.repository.indexes import is_shown
from omnibuild.repository.keys.package import keyring_version
from omnibuild.repository.layers.listing import layer_files
from omnibuild.repository.life.files import (
    CHANGED,
    File,
    files_of,
    manifest_file,
    manifests_of,
    wrong_files,
)
from omnibuild.repository.life.served import check_served
from omnibuild.repository.life.settings import said, validities
from omnibuild.repository.refusals import existing
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.head import (
    Head,
    Release,
    Repository,
    read_head,
    read_release,
    read_shown,
)
from omnibuild.repository.state.ledger import Entry, Ledger, is_whole_leaf
from omnibuild.repository.targets.target import Target
from omnibuild.repository.yum.metadata import is_whole

E = TypeVar("E", bound=Entry)
# Whoever publishes meanwhile moves what is looked at: then it is looked at again.
TRIES = 3
# Between saying what there is and beginning to show it, in seconds.
PAUSE = 1.0
NO_KEYS = (
    "the package of the repository's keys is not there: publish again, anything or nothing new"
)


@dataclass(frozen=True)
class Fault:
    """What is not as it should be.

    Args:
        place: which file.
    """

    place: str
    what: str


@dataclass
class Checked:
    """What was looked at, and what is wrong with it."""

    files: int = 0
    size: int = 0
    releases: int = 0
    faults: list[Fault] = field(default_factory=list)
    # What is not wrong yet.
    warnings: list[Fault] = field(default_factory=list)


def check(repository: Path | str, *, deep: bool = False) -> Checked:
    """Verify everything in a repository; nothing is changed.

    Args:
        repository: where was published to.
        deep: whether each file is read whole, and not only asked for its size.

    Raises :class:`RepositoryError` for what is no repository, and for a head that is unreadable.
    """
    target = existing(repository)
    checked = _settled(target, deep=deep)
    if deep:
        _check_earlier(target, checked)
    return checked


def _settled(target: Target, *, deep: bool) -> Checked:
    """Look at the present, again while others publish."""
    for _ in range(TRIES):
        before = _moment(target)
        head = read_head(target, before[0])
        checked = _checked(target, head, deep=deep)
        if not checked.faults or (_moment(target) == before and is_shown(target, head)):
            return checked
        _await_turn(target)
        if _moment(target) == before:
            return checked
    return _looked_again(target, checked)


def _moment(target: Target) -> tuple[bytes, bytes]:
    """Return what changes whenever somebody publishes, or shows what is published."""
    return target.read(layout.HEAD), target.read(layout.SHOWN)


def _await_turn(target: Target) -> None:
    """Have who is showing something come to its end, and who is about to begin."""
    time.sleep(PAUSE)
    # Who may only read the repository has waited at least.
    with contextlib.suppress(RepositoryError, StorageError), target.locked(layout.SHOWING, silent):
        pass


def _looked_again(target: Target, before: Checked) -> Checked:
    """Look while nobody can show anything else: at what hosts see now, whatever was published.

    Files of packages never change: what was wrong with those is not read again.
    """
    try:
        with target.locked(layout.SHOWING, silent):
            target.distrust()
            head = read_shown(target) or read_head(target, target.read(layout.HEAD))
            checked = _checked(target, head, deep=False)
    except (RepositoryError, StorageError):
        return before
    read = [fault for fault in before.faults if fault.what.startswith(CHANGED)]
    checked.faults = list(dict.fromkeys([*checked.faults, *read]))
    return checked


def _check_earlier(target: Target, checked: Checked) -> None:
    """Look at what only readers in flight want, and who goes back to an earlier release."""
    earlier = Earlier(target, read_head(target, target.read(layout.HEAD)))
    found = earlier.damaged()
    if found:
        # Whoever shows something removes what is old.
        _await_turn(target)
        found = earlier.still_damaged(found)
    # Among them is what is shown now, and was looked at.
    told = {fault.place for fault in checked.faults}
    for each in found:
        place = target.place(each.path)
        if place not in told:
            checked.faults.append(Fault(place, f"{each.what}: omnibuild repo repair"))


def _checked(target: Target, head: Head, *, deep: bool) -> Checked:
    checked = Checked()
    releases = _present(target, head, checked)
    channels = {name: Channel.of(target, each.contents) for name, each in releases.items()}
    _check_history(target, releases, checked, deep=deep)
    whole = {name: each for name, each in channels.items() if _is_whole(target, each, checked)}
    checked.faults += _without_keyring(target, head.repository, whole)
    listed = {file.path: file for name, each in whole.items() for file in files_of(name, each)}
    listed |= {file.path: file for file in _layers(target, whole.values(), checked)}
    for name, each in whole.items():
        files = map(manifest_file, manifests_of(name, each))
        listed |= {file.path: file for file in files}
    checked.size, wrong = wrong_files(target, listed, deep=deep)
    checked.files = len(listed)
    checked.faults += [Fault(target.place(path), what) for path, what in wrong.items()]
    _check_validity(target, channels, checked)
    _check_shards(target, whole.values(), checked)
    if is_shown(target, head):
        for place, what in check_served(target, head.repository, whole, deep=deep):
            checked.faults.append(Fault(target.place(place), what))
    else:
        what = "hosts are not shown what was published last: publish again, anything or nothing new"
        checked.faults.append(Fault(target.place(layout.SHOWN), what))
    # Channels share files.
    checked.faults = list(dict.fromkeys(checked.faults))
    return checked


def _layers(target: Target, channels: Iterable[Channel], checked: Checked) -> Iterator[File]:
    """Yield the layers of all tarballs, as far as their lists can be read."""
    for content in channels:
        for item in content.downloads:
            try:
                yield from layer_files(target, item)
            except RepositoryError as error:
                checked.faults.append(_fault(error))


def _present(target: Target, head: Head, checked: Checked) -> dict[str, Release]:
    found = {}
    for name, digest in head.releases.items():
        try:
            found[name] = read_release(target, digest)
        except RepositoryError as error:
            checked.faults.append(_fault(error))
    return found


def _check_history(
    target: Target, releases: Mapping[str, Release], checked: Checked, *, deep: bool
) -> None:
    """Read the releases before, and ask for their leaves: a channel may go back to them."""
    leaves: set[Digest] = set()
    for release in releases.values():
        checked.releases += 1
        digest = release.before
        while digest and target.exists(layout.release(digest)):
            checked.releases += 1
            try:
                before = read_release(target, digest)
            except RepositoryError as error:
                checked.faults.append(_fault(error))
                break
            leaves.update(before.contents.leaves)
            digest = before.before
    names = set(target.names(layout.LEAVES)) if leaves else set()
    for digest in sorted(leaves):
        path = layout.leaf(digest)
        if path.rpartition("/")[2] not in names:
            checked.faults.append(Fault(target.place(path), "an earlier release needs it"))
        elif deep and not is_whole_leaf(target, digest):
            what = "it is not what its name says, and an earlier release needs it"
            checked.faults.append(Fault(target.place(path), what))


def _check_shards(target: Target, channels: Iterable[Channel], checked: Checked) -> None:
    """Read the lists of files of rpms, which metadata is made of."""
    trees = (tree for content in channels for tree in content.trees.values())
    for identity in {rpm.identity for tree in trees for rpm in tree}:
        path = layout.filelists_shard(identity)
        if not is_whole(target.read(path)):
            what = "the list of an rpm's files is gone or damaged"
            checked.faults.append(Fault(target.place(path), what))


def _is_whole(target: Target, content: Channel, checked: Checked) -> bool:
    """Read all leaves of a channel; tell whether that can be done."""
    faults = [
        *(
            fault
            for suite in content.suites.values()
            for each in suite.lists.values()
            for fault in _damaged(each)
        ),
        *(
            fault
            for tree in content.trees.values()
            for each in tree.lists.values()
            for fault in _damaged(each)
        ),
        *_damaged(content.downloads),
        *_damaged(content.advisories),
        *_damaged(content.yanked),
    ]
    checked.faults += faults
    return not faults


def _check_validity(target: Target, channels: Mapping[str, Channel], checked: Checked) -> None:
    now = time.time()
    for each in validities(target, channels):
        place = target.place(each.path)
        if each.is_over(now):
            what = f"hosts refuse it since {said(each.until)}: omnibuild repo resign"
            checked.faults.append(Fault(place, what))
        elif each.is_near(now):
            what = f"hosts refuse it from {said(each.until)} on: omnibuild repo resign"
            checked.warnings.append(Fault(place, what))


def _damaged(ledger: Ledger[E]) -> Iterator[Fault]:
    for number in range(len(ledger.leaves)):
        try:
            ledger.entries(number)
        except RepositoryError as error:
            yield _fault(error)


def _without_keyring(
    target: Target, record: Repository, channels: Mapping[str, Channel]
) -> Iterator[Fault]:
    """Tell of places whose hosts get no keys by upgrades: the package of them is not there."""
    package = layout.keyring_package(record.name)
    version = keyring_version(record.keyring.serial)
    for name, content in channels.items():
        for suite, debs in content.suites.items():
            if all(each.version != version for each in debs.named(package)):
                yield Fault(target.place(layout.suite_directory(suite)), NO_KEYS)
        for tree, rpms in content.trees.items():
            # Where rpm cannot verify the repository's key there are none.
            used = any(ledger.count for ledger in rpms.lists.values())
            if used and all(each.version != version for each in rpms.named(package)):
                yield Fault(target.place(f"yum/{name}/{tree}"), NO_KEYS)


def _fault(error: RepositoryError) -> Fault:
    return Fault(str(error.where or ""), f"{error.what}: {error.why}" if error.why else error.what)
