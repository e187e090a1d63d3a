"""The keyring package: upgrades bring hosts the keys that the repository has by then.

With it comes what keeps other packages current, on hosts that ask for it. It owns the file that
``install.sh`` writes, at the same path, as a source can name but one. The package has a version of
its own, raised when anything in it changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, TypeVar

from omnibuild import __version__, digests
from omnibuild.digests import Digest
from omnibuild.files import scratch_directory
from omnibuild.repository import intake, layout
from omnibuild.repository.apt.suite import ALL
from omnibuild.repository.authors import author_of
from omnibuild.repository.draft import Draft
from omnibuild.repository.intake import Submission
from omnibuild.repository.state.channel import Index
from omnibuild.repository.state.choice import Choice
from omnibuild.repository.state.entries import NOARCH, Deb, Rpm
from omnibuild.repository.state.head import Keyring, Release, Repository, State

REVISION: Final = "1"

P = TypeVar("P", Deb, Rpm)


def add_keyring(draft: Draft, record: Repository, *, through: bool) -> None:
    """Have the package in all suites and trees of a channel.

    A new version is written into ``record``; that of the keys so far leaves the channel, as a key
    that was dropped must not come back.

    Args:
        draft: the channel.
        record: the repository.
        through: look at what is there; else it is made when it is missing, or of something else.
    """
    content = draft.content
    if not through and record.keyring.source == _source(record) and _is_there(draft, record):
        return
    with scratch_directory(draft.signed.scratch) as scratch:
        record.keyring, made = _current(record, scratch)
        for submission in made:
            is_deb = submission.format == intake.DEB
            if content.suites if is_deb else content.trees and draft.signer.suits_rpm:
                draft.add_everywhere(submission)
    for serial in range(1, record.keyring.serial):
        content.withdraw(Choice("", layout.keyring_package(record.name), keyring_version(serial)))
    draft.spread_noarch({submission.key for submission in made})


def add_keyring_everywhere(
    draft: Draft, record: Repository, *, through: bool
) -> dict[str, Release]:
    """Have the package in a channel; if it is a new one, return releases of all others with it.

    So hosts of all channels get a key whose end was extended by whatever is published next.
    """
    state, signer = draft.state, draft.signer
    known = state.repository.keyring if state.repository else None
    add_keyring(draft, record, through=through)
    same = known is not None and known.digest == record.keyring.digest
    others = [] if same else [name for name in state.releases if name != draft.name]
    for name in others:
        add_keyring(Draft(state, signer, name, (), draft.signed), record, through=False)
    return {name: keyring_release(state, name) for name in others}


def keyring_version(serial: int) -> str:
    """Return the version of the package that has this serial."""
    return f"{serial}-{REVISION}"


def keyring_release(state: State, channel: str) -> Release:
    """Return the next release of a channel in which nothing else is new."""
    return Release(
        channel=channel,
        contents=state.channel(channel).contents(),
        author=author_of("key"),
        before=state.releases.get(channel, ""),
    )


def _source(record: Repository) -> Digest:
    """Return what is equal where the same package is made: making it takes longer."""
    certificates = [key.certificate for key in record.keys]
    return digests.of_json([__version__, record.name, record.title, certificates])


def _is_there(draft: Draft, record: Repository) -> bool:
    """Tell whether all suites and trees hold the present version, and no other."""
    name, content = layout.keyring_package(record.name), draft.content
    version = f"{record.keyring.serial}-{REVISION}"
    trees = content.trees.values() if draft.signer.suits_rpm else ()
    held = (
        *(_versions(suite, ALL, name) for suite in content.suites.values()),
        *(_versions(tree, NOARCH, name) for tree in trees),
    )
    return all(each == [version] for each in held)


def _versions(index: Index[P], architecture: str, name: str) -> list[str]:
    ledger = index.lists.get(architecture)
    return [each.version for each in ledger.named(name)] if ledger else []


def _current(record: Repository, scratch: Path) -> tuple[Keyring, list[Submission]]:
    """Make the packages for apt and for dnf; their version is a new one if anything in them is."""
    # Loaded for new keys and new releases of omnibuild: writers of packages take long to load.
    from omnibuild.repository.keys.making import make_keyring

    serial = record.keyring.serial or 1
    made = make_keyring(record, serial, scratch / "same")
    if record.keyring.digest not in ("", _digest(made)):
        serial += 1
        made = make_keyring(record, serial, scratch / "next")
    return Keyring(serial, _digest(made), _source(record)), made


def _digest(made: list[Submission]) -> Digest:
    return digests.of_json([each.identity for each in made])
