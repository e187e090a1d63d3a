"""From one key to another, without cutting off a host.

Three steps, with time between them. The new key is announced: upgrades bring it to hosts, as the
keyring package has both from then on. When hosts had the time, it signs; apt's indexes can carry
signatures of both keys, so that even a host that was off follows. At last the old key is dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import msgspec

from omnibuild.errors import RepositoryError, SigningKeyError, UsageError, Where
from omnibuild.events import Emit, silent
from omnibuild.repository import layout
from omnibuild.repository.draft import Draft, Signed
from omnibuild.repository.indexes import check_clock, show
from omnibuild.repository.keys.package import add_keyring, keyring_release
from omnibuild.repository.keys.trusted import DAY, OVERLAP, date_of, is_young, trusted
from omnibuild.repository.refusals import existing
from omnibuild.repository.state.channel import Channel
from omnibuild.repository.state.head import Head, Release, Repository, State, record_of
from omnibuild.repository.state.removals import load_to_change
from omnibuild.repository.web.listing import shown
from omnibuild.signing.certificate import RPM_ALGORITHMS, Certificate
from omnibuild.signing.signer import Signer

INSIST: Final = "--cut-off-hosts says that you know"


_Change = Callable[[Repository, dict[str, Channel]], Repository]


def announce(
    repository: Path | str, signer: Signer, certificate: Certificate, emit: Emit = silent
) -> Repository:
    """Give hosts another key, which signs nothing yet.

    Args:
        repository: the repository.
        signer: who signs it now.
        certificate: the new key's public half.
        emit: takes warnings.

    Raises :class:`SigningKeyError` when dnf hosts could not take it.
    """

    def change(known: Repository, channels: dict[str, Channel]) -> Repository:
        record = record_of(known, signer, "")
        foreign = {part.algorithm for part in certificate.parts if part.signs} - RPM_ALGORITHMS
        if foreign and any(content.trees for content in channels.values()):
            raise SigningKeyError(
                f"rpm and dnf cannot verify signatures of {', '.join(sorted(foreign))} keys",
                where=certificate.where,
                hint="announce an RSA key: omnibuild key create FILE",
            )
        if any(key.fingerprint == certificate.fingerprint for key in record.keys):
            raise UsageError(f"hosts have the key {certificate.fingerprint} already")
        return msgspec.structs.replace(record, keys=(*record.keys, trusted(certificate)))

    return _change(repository, signer, change, emit)


def switch(
    repository: Path | str, signer: Signer, *, insist: bool = False, emit: Emit = silent
) -> Repository:
    """Have other keys sign from now on: those of ``signer``, the first of them packages.

    Raises :class:`SigningKeyError` when hosts do not have the first one yet, or had no time to get
    it, unless the caller insists.
    """

    def change(known: Repository, channels: dict[str, Channel]) -> Repository:
        names = [each.fingerprint for each in signer.all]
        unknown = [name for name in names if name not in _names(known)]
        if unknown:
            raise SigningKeyError(
                "hosts do not have this key",
                why=f"this key: {unknown[0]}",
                hint="announce it first: omnibuild key announce",
            )
        if not insist:
            _check_time(known, channels, names)
        record = msgspec.structs.replace(known, fingerprint=names[0], cosigners=tuple(names[1:]))
        return record_of(record, signer, "")

    return _change(repository, signer, change, emit)


def drop(
    repository: Path | str,
    signer: Signer,
    fingerprint: str,
    *,
    insist: bool = False,
    emit: Emit = silent,
) -> Repository:
    """Have hosts trust a key no more: it leaves the keyring with their next upgrade.

    Raises :class:`SigningKeyError` when it signs, or when there are packages that it signed,
    unless the caller insists on the latter.
    """

    def change(known: Repository, channels: dict[str, Channel]) -> Repository:
        record = record_of(known, signer, "")
        if fingerprint not in _names(record):
            raise UsageError(
                f"hosts have no key {fingerprint}", hint=f"they have: {', '.join(_names(record))}"
            )
        if fingerprint in record.signers:
            raise SigningKeyError(
                "the key signs the repository",
                why=f"signed by: {', '.join(record.signers)}",
                hint="have others sign first: omnibuild key switch",
            )
        held = _signed_by(channels, fingerprint)
        if held and not insist:
            raise SigningKeyError(
                "the key signed packages which dnf hosts could no longer install",
                why="\n".join(held),
                hint=f"remove these versions before, or keep the key; {INSIST}",
            )
        kept = tuple(key for key in record.keys if key.fingerprint != fingerprint)
        return msgspec.structs.replace(record, keys=kept)

    return _change(repository, signer, change, emit)


def _change(repository: Path | str, signer: Signer, change: _Change, emit: Emit) -> Repository:
    """Change the record, and bring all of the repository in line with it."""
    target = existing(repository)
    with target.scratch() as scratch:
        signed = Signed(scratch)
        while True:
            with target.locked(layout.LOCK, emit):
                state = load_to_change(target, emit)
                record = change(_head(state).repository, state.channels)
                check_clock(target, state.channels)
                for name in state.channels:
                    add_keyring(Draft(state, signer, name, (), signed), record, through=False)
                if state.commit(record, _releases(state)):
                    break
        show(target, signer, list(state.channels), emit, through=True)
    return record


def _head(state: State) -> Head:
    if state.head is None:
        raise RepositoryError("this is no repository", where=Where(state.target.place()))
    return state.head


def _releases(state: State) -> dict[str, Release]:
    return {name: keyring_release(state, name) for name in state.channels}


def _names(record: Repository) -> tuple[str, ...]:
    return tuple(key.fingerprint for key in record.keys) or (record.fingerprint,)


def _check_time(known: Repository, channels: dict[str, Channel], names: Sequence[str]) -> None:
    """Refuse a switch that hosts had no time for.

    apt takes a signature of any key that it has: while an old key signs, too, it needs no time.
    """
    old = [key for key in known.keys if key.fingerprint in names and not is_young(key.since)]
    young = [key for key in known.keys if key.fingerprint == names[0] and is_young(key.since)]
    dnf = any(content.holds_rpms for content in channels.values())
    if not young or (old and not dnf):
        return
    until = date_of(young[0].since + OVERLAP)
    raise SigningKeyError(
        "hosts that did not upgrade since the key was announced would refuse everything",
        why=f"this key: {names[0]}\nannounced: {date_of(young[0].since)}, which is less than"
        f" {OVERLAP // DAY} days ago",
        hint=f"wait until {until}"
        + ("" if dnf else ", or have the old key sign, too: --key NEW --key OLD")
        + f"; {INSIST}",
    )


def _signed_by(channels: dict[str, Channel], fingerprint: str) -> list[str]:
    """Return the rpms that a key signed, and nobody would sign again."""
    found = [
        f"{name}: {rpm.name} {rpm.version} ({rpm.architecture})"
        for name, content in channels.items()
        for index in content.trees.values()
        for rpm in shown(index)
        if rpm.signed_by == fingerprint
    ]
    return list(dict.fromkeys(found))
