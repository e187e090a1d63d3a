"""The keys that a repository's hosts trust, and which of them sign.

Both are in the repository's record. A repository has one key for most of its life; while it passes
to another one, hosts have both.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from omnibuild.errors import SigningKeyError
from omnibuild.signing.certificate import Certificate, armored_keyring, binary_keyring
from omnibuild.signing.signer import Signer

DAY: Final = 24 * 3600
# Hosts that upgrade by themselves do so each day; others, and those that are off, need longer.
OVERLAP: Final = 30 * DAY


class TrustedKey(Struct, frozen=True):
    """A key that hosts have.

    Args:
        fingerprint: 40 upper-case hex digits.
        certificate: the public key as text, as hosts get it.
        since: when hosts could first get it, in seconds since 1970; 0: from the beginning.
    """

    fingerprint: str
    certificate: str
    since: int = 0


def known_keys(
    keys: Sequence[TrustedKey], signers: Iterable[Certificate], *, new: bool
) -> tuple[TrustedKey, ...]:
    """Return the trusted keys with those that sign as they are now: an end may have moved.

    Args:
        keys: what was trusted so far; none in a repository of an earlier release.
        signers: who signs.
        new: whether keys that are not among them become trusted.
    """
    current = {each.fingerprint: each for each in signers}
    known = [
        TrustedKey(key.fingerprint, current[key.fingerprint].armored.decode(), key.since)
        if key.fingerprint in current
        else key
        for key in keys
    ]
    names = {key.fingerprint for key in keys}
    added = [each for name, each in current.items() if new and name not in names]
    return (*known, *(trusted(each, 0) for each in added))


def trusted(certificate: Certificate, since: int | None = None) -> TrustedKey:
    """Return a key that hosts get from now on, unless ``since`` says otherwise."""
    moment = int(time.time()) if since is None else since
    return TrustedKey(certificate.fingerprint, certificate.armored.decode(), moment)


def is_young(since: int) -> bool:
    """Tell whether hosts had no time yet to get a key that was announced then."""
    return since > time.time() - OVERLAP


def date_of(moment: int) -> str:
    """Return the day of a moment in seconds since 1970."""
    return time.strftime("%Y-%m-%d", time.gmtime(moment))


def check_signers(keys: Sequence[TrustedKey], expected: Sequence[str], signer: Signer) -> None:
    """Raise :class:`SigningKeyError` unless those sign who sign this repository, in their order.

    Args:
        keys: what hosts trust.
        expected: fingerprints of who signs.
        signer: who wants to.
    """
    given = [each.fingerprint for each in signer.all]
    if given == list(expected):
        return
    names = {key.fingerprint for key in keys} | set(expected)
    why = f"repository: {_lines(expected)}\nthis key:   {_lines(given)}"
    if not names.issuperset(given):
        raise SigningKeyError(
            "the repository belongs to another key, the only one that its hosts trust"
            if len(names) == 1
            else "the repository belongs to other keys, the only ones that its hosts trust",
            why=why,
            hint="publish with the repository's key, or announce the new one: omnibuild key"
            " announce",
        )
    raise SigningKeyError(
        "hosts trust this key, and other ones sign the repository"
        if not set(given) & set(expected)
        else "not all keys that sign the repository are given, in their order",
        why=why,
        hint="give --key for each that signs, or change who does: omnibuild key switch",
    )


def apt_keyring(keys: Iterable[TrustedKey]) -> tuple[bytes, bytes]:
    """Return the keys of apt hosts as text and as a binary keyring.

    All are in one block: apt of Debian 11 reads no further than to the end of the first.
    """
    certificates = [key.certificate for key in keys]
    return armored_keyring(certificates), binary_keyring(certificates)


def rpm_keyring(keys: Iterable[TrustedKey]) -> bytes:
    """Return the keys of dnf hosts, a block for each: librepo stores what is in one as one key."""
    return "".join(key.certificate for key in keys).encode()


def _lines(fingerprints: Iterable[str]) -> str:
    return "\n            ".join(fingerprints)
