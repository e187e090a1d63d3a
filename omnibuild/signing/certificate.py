"""A key's public half, as all that hosts have: it says whether they take what the key signs."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from omnibuild.errors import SigningKeyError, Where
from omnibuild.regular import read_regular
from omnibuild.signing.parts import Part, check_curves, end_of, part_of, read_parts
from omnibuild.signing.verifier import Verifier

if TYPE_CHECKING:
    from pysequoia import Cert

V4_FINGERPRINT_LENGTH = 40

# What rpm 4.18 can verify, and what apt's gpgv and sqv can: rpm's own OpenPGP has no ECDSA, and
# apt has given up DSA.
RPM_ALGORITHMS = frozenset({"RSA", "EdDSA"})
APT_ALGORITHMS = RPM_ALGORITHMS | {"ECDSA"}

EXTEND = "extend it with: gpg --quick-set-expire FINGERPRINT 2y [SUBKEY], then export it again"
REPLACE = "make a key that all hosts take: omnibuild key create FILE"


class Certificate(Struct, frozen=True, dict=True):
    """A public key, its user IDs, and its subkeys.

    Args:
        where: what it was read from.
    """

    cert: Cert
    parts: tuple[Part, ...]
    where: Where

    @property
    def fingerprint(self) -> str:
        """Of the primary key, 40 upper-case hex digits."""
        return self.cert.fingerprint.upper()

    @property
    def user_id(self) -> str:
        """Name and address, as ``Shop packages <ops@example.com>``."""
        return str(self.cert.user_ids[0])

    @property
    def verifier(self) -> Verifier:
        """Tells what this key has signed."""
        return Verifier((self.cert,))

    @cached_property
    def armored(self) -> bytes:
        """The public key as text."""
        return str(self.cert).encode()

    @cached_property
    def binary(self) -> bytes:
        """The public key as a binary keyring."""
        return bytes(self.cert)

    def end(self, signing: str) -> datetime.datetime | None:
        """Return when hosts begin to refuse what the part ``signing`` signs, or never."""
        return end_of(self.parts, signing)

    def algorithms(self, signing: str) -> frozenset[str]:
        """Return those of the part that signs and of the primary one: clients read both.

        Raises :class:`SigningKeyError` when no client would verify them.
        """
        found = frozenset({self.parts[0].algorithm, part_of(self.parts, signing).algorithm})
        unknown = found - APT_ALGORITHMS
        if unknown:
            raise SigningKeyError(
                f"neither apt nor rpm verifies signatures of {', '.join(sorted(unknown))} keys",
                where=self.where,
                hint=REPLACE,
            )
        return found


def checked_parts(key: bytes, where: Where) -> tuple[Part, ...]:
    """Return the parts of a key, secret or public; the primary one first.

    Raises :class:`SigningKeyError` when it is from the future, or of a curve that hosts lack.
    """
    parts = read_parts(key)
    now = datetime.datetime.now(datetime.UTC)
    if parts and parts[0].created > now:
        raise SigningKeyError(
            f"the key was made on {parts[0].created:%Y-%m-%d}, which is in the future",
            where=where,
            hint=f"is this machine's clock right? It says {now:%Y-%m-%d %H:%M} UTC",
        )
    check_curves(parts, where, hint=REPLACE)
    return tuple(parts)


def checked_certificate(cert: Cert, parts: tuple[Part, ...], where: Where) -> Certificate:
    """Return a certificate; raises :class:`SigningKeyError` when hosts would not accept it."""
    if len(cert.fingerprint) != V4_FINGERPRINT_LENGTH:
        raise SigningKeyError(
            "apt and rpm cannot verify keys of this OpenPGP version",
            where=where,
            hint=REPLACE,
        )
    if cert.is_revoked or not cert.user_ids:
        raise SigningKeyError("the key is revoked, or has no user ID", where=where)
    _check_end(cert, parts, where)
    return Certificate(cert, parts, where)


def _check_end(cert: Cert, parts: tuple[Part, ...], where: Where) -> None:
    """Refuse a key that ended, or whose parts for signing all ended."""
    ends = [part.expires for part in parts if part.signs]
    end = cert.expiration
    if end is None and ends and None not in ends:
        end = max(end for end in ends if end)
    if end is not None and end <= datetime.datetime.now(datetime.UTC):
        raise SigningKeyError(
            f"the key expired on {end:%Y-%m-%d}; hosts refuse what it signs",
            where=where,
            hint=EXTEND,
        )


def read_certificate(name: str) -> Certificate:
    """Read the public key in a file that ``omnibuild key create`` wrote, or gpg exported.

    Raises :class:`SigningKeyError` when there is none, or when hosts would not accept it.
    """
    from pysequoia import Cert

    where = Where(name)
    try:
        data = read_regular(Path(name))
        parts = checked_parts(data, where)
        return checked_certificate(Cert.from_bytes(data), parts, where)
    except OSError as error:
        raise SigningKeyError(f"no key can be read: {error.strerror}", where=where) from error
    except RuntimeError as error:
        why = str(error).partition("\n")[0]
        raise SigningKeyError("not a public key", where=where, why=why) from error


def certificates_in(data: bytes, where: Where) -> tuple[Certificate, ...]:
    """Return the public keys in a keyring, a block of text or binary, as they are.

    Raises ``RuntimeError`` when it holds none.
    """
    from pysequoia import Cert

    return tuple(
        Certificate(cert, tuple(read_parts(bytes(cert))), where) for cert in Cert.split_bytes(data)
    )


def name_of(certificate: str) -> str:
    """Return the first user ID of a key that is given as text, whether or not it ended."""
    from pysequoia.packet import PacketPile

    names = (packet.user_id for packet in PacketPile.from_bytes(certificate.encode()))
    return next(filter(None, names), "")


def binary_keyring(certificates: Iterable[str]) -> bytes:
    """Return keys that are given as text as one binary keyring."""
    from pysequoia import Cert

    return b"".join(bytes(Cert.from_bytes(each.encode())) for each in certificates)


def armored_keyring(certificates: Sequence[str]) -> bytes:
    """Return keys that are given as text as one block of text; a single one as it is."""
    from pysequoia import ArmorKind, armor

    if len(certificates) == 1:
        return certificates[0].encode()
    return armor(binary_keyring(certificates), ArmorKind.PublicKey).encode()
