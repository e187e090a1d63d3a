"""Signing with a secret key that was read from a file."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from omnibuild.errors import SigningKeyError, Where
from omnibuild.regular import read_regular
from omnibuild.signing.parts import Part, check_curves, end_of, part_of, read_parts

if TYPE_CHECKING:
    from pysequoia import Cert, SignatureMode, Tsk

V4_FINGERPRINT_LENGTH = 40

# What rpm 4.18 can verify, and what apt's gpgv and sqv can: rpm's own OpenPGP has no ECDSA, and
# apt has given up DSA.
RPM_ALGORITHMS = frozenset({"RSA", "EdDSA"})
APT_ALGORITHMS = RPM_ALGORITHMS | {"ECDSA"}

EXTEND = "extend it with: gpg --quick-set-expire FINGERPRINT 2y [SUBKEY], then export it again"
REPLACE = "make a key that all hosts take: omnibuild key create FILE"
EXPORT = "export it with: gpg --armor --export-secret-keys, without a passphrase"


@dataclass(frozen=True)
class Signer:
    """Signs with one key.

    Args:
        fingerprint: 40 upper-case hex digits.
        user_id: name and address, as ``Shop packages <ops@example.com>``.
        expires: when hosts begin to refuse what it signs, or never.
        algorithms: of the part that signs and of the primary one: clients read both.
        signing: fingerprint of the part that signs: this key itself, or a subkey.

    Example:
        >>> signer = load_signer(Path("signing.key"))  # doctest: +SKIP
        >>> signer.sign_detached(b"data")  # doctest: +SKIP
    """

    fingerprint: str
    user_id: str
    expires: datetime.datetime | None
    algorithms: frozenset[str]
    signing: str
    _key: Tsk

    def sign_cleartext(self, data: bytes) -> bytes:
        """Return ``data`` as readable text with its signature below (InRelease)."""
        from pysequoia import SignatureMode

        return self._sign(data, SignatureMode.CLEAR)

    def sign_detached(self, data: bytes) -> bytes:
        """Return a binary signature of ``data`` (rpm headers)."""
        from pysequoia import SignatureMode

        return self._sign(data, SignatureMode.DETACHED, armor=False)

    def sign_detached_armored(self, data: bytes) -> bytes:
        """Return a signature of ``data`` as text (Release.gpg, repomd.xml.asc, cached results)."""
        from pysequoia import SignatureMode

        return self._sign(data, SignatureMode.DETACHED)

    def sign_file(self, path: Path, signature: Path) -> None:
        """Write a signature of the file at ``path`` as text; files may be larger than memory."""
        from pysequoia import SignatureMode, sign_file

        sign_file(self._key.signer(), path, signature, mode=SignatureMode.DETACHED)

    def has_signed(self, data: bytes, signature: bytes) -> bool:
        """Tell whether ``signature``, a detached one, is this key's of ``data``."""
        from pysequoia import Sig, verify

        try:
            signed = Sig.from_bytes(signature)
            verify(bytes=data, store=self._certificate, signature=signed)
        except RuntimeError:
            # The library's one error for damaged, foreign and wrong signatures.
            return False
        return True

    def has_signed_cleartext(self, message: bytes) -> bool:
        """Tell whether ``message``, with its signature below its text, is this key's."""
        from pysequoia import verify

        try:
            verify(bytes=message, store=self._certificate)
        except RuntimeError:
            return False
        return True

    def _certificate(self, issuers: list[str]) -> list[Cert]:
        return [self._key.extract_certificate()]

    @cached_property
    def public_key_armored(self) -> bytes:
        """The public key as text."""
        return str(self._key.extract_certificate()).encode()

    @cached_property
    def public_key_binary(self) -> bytes:
        """The public key as a binary keyring."""
        return bytes(self._key.extract_certificate())

    def _sign(self, data: bytes, mode: SignatureMode, *, armor: bool = True) -> bytes:
        from pysequoia import sign

        # A signer is spent by its signature, so that each takes a new one.
        return bytes(sign(self._key.signer(), data, mode=mode, armor=armor))


def load_signer(path: Path) -> Signer:
    """Read a secret key that :func:`create_key` or gpg exported.

    Raises :class:`SigningKeyError` when there is none, or when hosts would not accept it.
    """
    from pysequoia import Tsk

    where = Where(str(path))
    try:
        data = read_regular(path)
        parts = read_parts(data)
        _check_clock(parts, where)
        check_curves(parts, where, hint=REPLACE)
        key = Tsk.from_bytes(data)
        certificate = key.extract_certificate()
        _check_certificate(certificate, where)
        _check_parts(certificate, parts, where)
        signing = _issuer(key)
    except OSError as error:
        raise SigningKeyError(
            f"no signing key can be read: {error.strerror}",
            where=where,
            hint="make one: omnibuild key create",
        ) from error
    except RuntimeError as error:
        raise _refusal(error, where) from error
    algorithms = frozenset({parts[0].algorithm, part_of(parts, signing).algorithm})
    unknown = algorithms - APT_ALGORITHMS
    if unknown:
        raise SigningKeyError(
            f"neither apt nor rpm verifies signatures of {', '.join(sorted(unknown))} keys",
            where=where,
            hint=REPLACE,
        )
    return Signer(
        certificate.fingerprint.upper(),
        str(certificate.user_ids[0]),
        end_of(parts, signing),
        algorithms,
        signing,
        key,
    )


def _refusal(error: RuntimeError, where: Where) -> SigningKeyError:
    """Say which of the reasons it is that the library has one kind of error for."""
    # The library appends its own stack trace, which tells a user nothing.
    lines = str(error).partition("\n\nStack backtrace")[0].splitlines()
    said = dict.fromkeys(line.strip() for line in lines)
    why = "\n".join(line for line in said if line not in ("", "Caused by:"))
    what, hint = "not a secret key that can sign", EXPORT
    if "key material is encrypted" in why:
        what = "the secret key has a passphrase, which nobody could enter here"
    elif "is this a keyring?" in why:
        what, hint = "several keys, where one signs", EXPORT.replace("-keys", "-keys FINGERPRINT")
    elif "not considered secure" in why:
        what, hint = "the key is too weak: hosts refuse what it signs", REPLACE
    return SigningKeyError(what, where=where, why=why, hint=hint)


def _issuer(key: Tsk) -> str:
    """Sign something, and return the fingerprint of the part that did it."""
    from pysequoia import Sig, SignatureMode, sign

    signature = sign(key.signer(), b"", mode=SignatureMode.DETACHED, armor=False)
    return (Sig.from_bytes(bytes(signature)).issuer_fingerprint or "").upper()


def _check_clock(parts: list[Part], where: Where) -> None:
    now = datetime.datetime.now(datetime.UTC)
    if parts and parts[0].created > now:
        raise SigningKeyError(
            f"the key was made on {parts[0].created:%Y-%m-%d}, which is in the future",
            where=where,
            hint=f"is this machine's clock right? It says {now:%Y-%m-%d %H:%M} UTC",
        )


def _check_certificate(certificate: Cert, where: Where) -> None:
    if len(certificate.fingerprint) != V4_FINGERPRINT_LENGTH:
        raise SigningKeyError(
            "apt and rpm cannot verify keys of this OpenPGP version",
            where=where,
            hint=REPLACE,
        )
    if certificate.is_revoked or not certificate.user_ids:
        raise SigningKeyError("the key is revoked, or has no user ID", where=where)


def _check_parts(certificate: Cert, parts: list[Part], where: Where) -> None:
    """Refuse a key that ended, or whose parts for signing all ended."""
    ends = [part.expires for part in parts if part.signs]
    end = certificate.expiration
    if end is None and ends and None not in ends:
        end = max(end for end in ends if end)
    if end is not None and end <= datetime.datetime.now(datetime.UTC):
        raise SigningKeyError(
            f"the key expired on {end:%Y-%m-%d}; hosts refuse what it signs",
            where=where,
            hint=EXTEND,
        )
