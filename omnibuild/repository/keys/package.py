"""The keyring package: upgrades bring hosts the keys that the repository has by then.

With it comes what keeps other packages current, on hosts that ask for it. It owns the file that
``install.sh`` writes, at the same path, as a source can name but one. The package has a version of
its own, raised when anything in it changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from omnibuild import digests
from omnibuild.digests import Digest
from omnibuild.files import scratch_directory
from omnibuild.package.formats import write_package
from omnibuild.package.formats.format import Making
from omnibuild.payload.assembly import GeneratedFile
from omnibuild.payload.model import Metadata, Payload
from omnibuild.recipe.models import Debian, Rpm
from omnibuild.repository import intake, layout
from omnibuild.repository.apt.suite import ALL
from omnibuild.repository.authors import author_of
from omnibuild.repository.clients import apt_source, updater, yum_repo
from omnibuild.repository.clients.systems import APT, DNF
from omnibuild.repository.draft import Draft, Signed
from omnibuild.repository.intake import Submission
from omnibuild.repository.keys.trusted import apt_keyring, rpm_keyring
from omnibuild.repository.state.choice import Choice
from omnibuild.repository.state.head import Keyring, Release, Repository, State
from omnibuild.repository.yum.metadata import NOARCH
from omnibuild.signing.signer import Signer
from omnibuild.tree import scan

_REVISION: Final = "1"
# Of all that it says nothing changes with time: equal keys are an equal package.
_DATE: Final = 1_000_000_000


def add_keyring(draft: Draft, record: Repository) -> None:
    """Have the package in all suites and trees of a channel.

    A new version is written into ``record``; that of the keys so far leaves the channel, as a key
    that was dropped must not come back.
    """
    content = draft.content
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
    state: State, signer: Signer, channel: str, record: Repository, signed: Signed
) -> dict[str, Release]:
    """Have the package in a channel; if it is a new one, return releases of all others with it.

    So hosts of all channels get a key whose end was extended by whatever is published next.
    """
    known = state.repository.keyring if state.repository else None
    add_keyring(Draft(state, signer, channel, (), signed), record)
    others = [] if record.keyring == known else [name for name in state.releases if name != channel]
    for name in others:
        add_keyring(Draft(state, signer, name, (), signed), record)
    return {name: keyring_release(state, name) for name in others}


def keyring_version(serial: int) -> str:
    """Return the version of the package that has this serial."""
    return f"{serial}-{_REVISION}"


def keyring_release(state: State, channel: str) -> Release:
    """Return the next release of a channel in which nothing else is new."""
    return Release(
        channel=channel,
        contents=state.channel(channel).contents(),
        author=author_of("key"),
        before=state.releases.get(channel, ""),
    )


def _current(record: Repository, scratch: Path) -> tuple[Keyring, list[Submission]]:
    """Make the packages for apt and for dnf; their version is a new one if anything in them is."""
    serial = record.keyring.serial or 1
    made = _make(record, serial, scratch / "same")
    if record.keyring.digest not in ("", _digest(made)):
        serial += 1
        made = _make(record, serial, scratch / "next")
    return Keyring(serial, _digest(made)), made


def _make(record: Repository, serial: int, scratch: Path) -> list[Submission]:
    apt, _ = apt_keyring(record.keys)
    dnf = rpm_keyring(record.keys)
    places = (apt_source.keyring_path(record.name), yum_repo.keyring_path(record.name))
    deb, rpm = Debian(compression="gzip", architecture=ALL), Rpm(architecture=NOARCH, tree="")
    metadata = _metadata(record, serial)
    return [
        _package(record, metadata, APT, {places[0]: GeneratedFile(apt)}, deb, scratch / "deb"),
        _package(record, metadata, DNF, {places[1]: GeneratedFile(dnf)}, rpm, scratch / "rpm"),
    ]


def _package(
    record: Repository,
    metadata: Metadata,
    family: str,
    keys: dict[str, GeneratedFile],
    form: Debian | Rpm,
    scratch: Path,
) -> Submission:
    root, out = scratch / "root", scratch / "out"
    out.mkdir(parents=True)
    for path, content in {**keys, **updater.files(record.name, record.title, family)}.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.content)
        file.chmod(content.mode)
    for directory in (root, *filter(Path.is_dir, root.rglob("*"))):
        directory.chmod(0o755)
    (place,) = keys
    payload = Payload(
        metadata=metadata,
        root=root,
        tree=scan(root),
        prefix=str(Path(place).parent),
        scripts=updater.scripts(record.name),
    )
    return intake.inspect(write_package(payload, form, Making(out)).path)


def _metadata(record: Repository, serial: int) -> Metadata:
    return Metadata(
        name=layout.keyring_package(record.name),
        version=str(serial),
        revision=_REVISION,
        summary=f"Keys of the package repository {record.title}",
        description="Upgrades bring the keys that this host's packages are signed with, and the"
        " program that keeps packages current where somebody asked for it.",
        license="none",
        maintainer=record.title,
        homepage="",
        vendor=record.title,
        date=_DATE,
    )


def _digest(made: list[Submission]) -> Digest:
    return digests.of_json([each.identity for each in made])
