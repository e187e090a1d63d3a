"""Signing: what is signed, by whatever holds the secret key.

What holds it is a :class:`Backend`, and a row of ``_OPENERS``; nobody else knows which one it is.
A signature is compared with the public key before anybody sees it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from omnibuild.errors import SigningKeyError
from omnibuild.files import scratch_directory, write_atomic
from omnibuild.signing.certificate import Certificate
from omnibuild.signing.messages import armored, canonical, packets, readable


class Backend(Protocol):
    """Whatever holds a secret key, and gives nothing but signatures: OpenPGP packets, binary."""

    def sign(self, data: bytes, *, text: bool = False) -> bytes:
        """Return a signature of ``data``.

        Args:
            data: what is signed.
            text: whether it is text in its canonical form (RFC 4880, 5.2.1).

        Raises :class:`SigningKeyError` when it cannot.
        """

    def sign_file(self, path: Path, signature: Path) -> None:
        """Write a signature of the file at ``path``, which may be larger than memory."""


@dataclass(frozen=True)
class Signer:
    """Signs with one key.

    Args:
        fingerprint: 40 upper-case hex digits.
        user_id: name and address, as ``Shop packages <ops@example.com>``.
        expires: when hosts begin to refuse what it signs, or never.
        algorithms: of the part that signs and of the primary one: clients read both.
        signing: fingerprint of the part that signs: this key itself, or a subkey.
        certificate: the public key.

    Example:
        >>> signer = load_signer(Path("signing.key"))  # doctest: +SKIP
        >>> signer.sign_detached(b"data")  # doctest: +SKIP
    """

    fingerprint: str
    user_id: str
    expires: datetime.datetime | None
    algorithms: frozenset[str]
    signing: str
    certificate: Certificate
    _backend: Backend

    def sign_cleartext(self, data: bytes) -> bytes:
        """Return ``data`` as readable text with its signature below (InRelease)."""
        covered = canonical(data)
        signature = self._backend.sign(covered, text=True)
        self._check(self.has_signed(covered, signature))
        return readable(data, [signature])

    def sign_detached(self, data: bytes) -> bytes:
        """Return a binary signature of ``data`` (rpm headers)."""
        signature = self._backend.sign(data)
        self._check(self.has_signed(data, signature))
        return signature

    def sign_detached_armored(self, data: bytes) -> bytes:
        """Return a signature of ``data`` as text (Release.gpg, repomd.xml.asc, cached results)."""
        return armored([self.sign_detached(data)])

    def sign_file(self, path: Path, signature: Path) -> None:
        """Write a signature of the file at ``path`` as text; files may be larger than memory."""
        with scratch_directory(signature.parent) as scratch:
            self._backend.sign_file(path, scratch / "binary")
            made = (scratch / "binary").read_bytes()
        self._check(self.certificate.verifier.is_signed_file(path, made))
        write_atomic(signature, armored([made]))

    def has_signed(self, data: bytes, signature: bytes) -> bool:
        """Tell whether ``signature``, a detached one, is this key's of ``data``."""
        return self.certificate.verifier.is_signed(data, signature)

    def has_signed_cleartext(self, message: bytes) -> bool:
        """Tell whether ``message``, with its signature below its text, is this key's."""
        return self.certificate.verifier.is_signed_cleartext(message)

    @property
    def public_key_armored(self) -> bytes:
        """The public key as text."""
        return self.certificate.armored

    @property
    def public_key_binary(self) -> bytes:
        """The public key as a binary keyring."""
        return self.certificate.binary

    def _check(self, good: bool) -> None:
        if not good:
            raise SigningKeyError(
                "a signature was made that the public key does not verify; it was thrown away",
                where=self.certificate.where,
                why=f"public key: {self.fingerprint}",
                hint="is the public key that of the secret one that signs?",
            )


def _key_file(name: str) -> tuple[Certificate, Backend]:
    from omnibuild.signing.key_file import open_key_file

    return open_key_file(name)


def _gpg_key(name: str) -> tuple[Certificate, Backend]:
    from omnibuild.signing.gpg import open_gpg_key

    return open_gpg_key(name)


def _command(name: str) -> tuple[Certificate, Backend]:
    from omnibuild.signing.command import open_command

    return open_command(name)


_Opener = Callable[[str], tuple[Certificate, Backend]]

# What a key's name begins with says what holds it; all other names are those of files.
_OPENERS: dict[str, _Opener] = {"gpg": _gpg_key, "command": _command}


def load_signer(key: Path | str) -> Signer:
    """Make ready to sign.

    Args:
        key: a file with a secret key, which a :class:`Path` always is; ``gpg:FINGERPRINT``, or
            ``command:PROGRAM``.

    Raises :class:`SigningKeyError` when it cannot sign, or when hosts would not accept it.
    """
    kind, colon, rest = str(key).partition(":")
    opener = _OPENERS.get(kind) if colon and isinstance(key, str) else None
    certificate, backend = opener(rest) if opener else _key_file(str(key))
    # Once for trying: whatever is wrong shows itself before anything was changed.
    trial = backend.sign(b"")
    signing = _issuer(trial)
    signer = Signer(
        certificate.fingerprint,
        certificate.user_id,
        certificate.end(signing),
        certificate.algorithms(signing),
        signing,
        certificate,
        backend,
    )
    signer._check(signer.has_signed(b"", trial))
    return signer


def _issuer(signature: bytes) -> str:
    """Return the fingerprint of the part that signed."""
    return next((packet.issuer_fingerprint or "" for packet in packets(signature)), "").upper()
