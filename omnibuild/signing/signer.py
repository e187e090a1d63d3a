"""Signing: what is signed, by whatever holds the secret key.

What holds it is a :class:`Backend`, and a row of ``_OPENERS``; nobody else knows which one it is.
A signature is compared with the public key before anybody sees it.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar, Protocol

import msgspec
from msgspec import Struct

from omnibuild.errors import SigningKeyError
from omnibuild.files import scratch_directory, write_atomic
from omnibuild.regular import read_regular
from omnibuild.signing.certificate import RPM_ALGORITHMS, Certificate, read_certificate
from omnibuild.signing.messages import (
    armored,
    canonical,
    packets,
    readable,
    signatures_below,
)
from omnibuild.signing.parts import is_secret


class Backend(Protocol):
    """Whatever holds a secret key, and gives nothing but signatures: OpenPGP packets, binary.

    Args:
        at_once: whether several processes may ask it at the same time.
    """

    at_once: ClassVar[bool]

    def sign(self, data: bytes, *, text: bool = False) -> bytes:
        """Return a signature of ``data``.

        Args:
            data: what is signed.
            text: whether it is text in its canonical form (RFC 4880, 5.2.1).

        Raises :class:`SigningKeyError` when it cannot.
        """

    def sign_file(self, path: Path, signature: Path) -> None:
        """Write a signature of the file at ``path``, which may be larger than memory."""


class Signer(Struct, frozen=True):
    """Signs with a key, and with others beside it where a message can carry several signatures.

    Args:
        fingerprint: 40 upper-case hex digits.
        user_id: name and address, as ``Shop packages <ops@example.com>``.
        expires: when hosts begin to refuse what it signs, or never.
        algorithms: of the part that signs and of the primary one: clients read both.
        signing: fingerprint of the part that signs: this key itself, or a subkey.
        certificate: the public key.
        others: who signs beside this key while hosts pass from one to the other.

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
    others: tuple[Signer, ...] = ()

    @property
    def all(self) -> tuple[Signer, ...]:
        """This one and the others."""
        return (self, *self.others)

    @property
    def suits_rpm(self) -> bool:
        """Whether rpm can verify what this key signs."""
        return self.algorithms <= RPM_ALGORITHMS

    @property
    def at_once(self) -> bool:
        """Whether several processes may sign at the same time."""
        return self._backend.at_once

    def sign_cleartext(self, data: bytes) -> bytes:
        """Return ``data`` as readable text with the signatures of all below (InRelease)."""
        return readable(data, [each._sign_text(data) for each in self.all])

    def sign_together(self, data: bytes) -> bytes:
        """Return detached signatures of all as one text (Release.gpg)."""
        return armored([each.sign_detached(data) for each in self.all])

    def sign_detached(self, data: bytes) -> bytes:
        """Return a binary signature of ``data`` (rpm headers)."""
        signature = self._backend.sign(data)
        self._check(self.has_signed(data, signature))
        return signature

    def sign_detached_armored(self, data: bytes) -> bytes:
        """Return a signature of ``data`` as text (repomd.xml.asc, cached results).

        It is this key's alone: rpm's library, which newer dnf verifies with, takes one.
        """
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
        """Tell whether ``message``, with signatures below its text, has those of all, no more."""
        count = sum(1 for _ in packets(signatures_below(message)))
        good = all(each.certificate.verifier.is_signed_cleartext(message) for each in self.all)
        return good and count == len(self.all)

    def have_signed(self, data: bytes, signatures: bytes) -> bool:
        """Tell whether ``signatures`` are those of all, as :meth:`sign_together` makes them."""
        found = [bytes(packet) for packet in packets(signatures)]
        return len(found) == len(self.all) and all(
            each.has_signed(data, one) for each, one in zip(self.all, found, strict=True)
        )

    def is_issuer(self, signature: bytes) -> bool:
        """Tell whether a detached signature names this key as it is, or a part, as its maker.

        One that was made before the key's end was moved counts no more: gpg replaces what the key
        said of itself then, and verifiers that go by the time of a signature find that it was no
        key yet.
        """
        parts = {part.fingerprint: part for part in self.certificate.parts}
        part = parts.get(issuer(signature))
        made = next((packet.signature_created for packet in packets(signature)), None)
        return bool(part and made and made >= max(self.certificate.parts[0].bound, part.bound))

    @property
    def public_key_armored(self) -> bytes:
        """The public key as text."""
        return self.certificate.armored

    @property
    def public_key_binary(self) -> bytes:
        """The public key as a binary keyring."""
        return self.certificate.binary

    def _sign_text(self, data: bytes) -> bytes:
        covered = canonical(data)
        signature = self._backend.sign(covered, text=True)
        self._check(self.has_signed(covered, signature))
        return signature

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
    opener, name = _opener(key)
    certificate, backend = opener(name)
    # Once for trying: whatever is wrong shows itself before anything was changed.
    trial = backend.sign(b"")
    signing = issuer(trial)
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


def load_certificate(key: str) -> Certificate:
    """Return the public half of a key that may sign later.

    Args:
        key: as :func:`load_signer` takes it, or a file with a public key.

    Raises :class:`SigningKeyError` when there is none, or when hosts would not accept it.
    """
    opener, name = _opener(key)
    if opener is not _key_file or _is_secret(Path(name)):
        return opener(name)[0]
    return read_certificate(name)


def _is_secret(path: Path) -> bool:
    try:
        return is_secret(read_regular(path))
    except (OSError, RuntimeError):
        # Told by whoever reads it as a public key.
        return False


def _opener(key: Path | str) -> tuple[_Opener, str]:
    kind, colon, rest = str(key).partition(":")
    opener = _OPENERS.get(kind) if colon and isinstance(key, str) else None
    return (opener, rest) if opener else (_key_file, str(key))


def load_signers(keys: Sequence[Path | str]) -> Signer:
    """Make ready to sign with several keys, the first of which signs what has one signature.

    Raises :class:`SigningKeyError` as :func:`load_signer` does.
    """
    first, *others = map(load_signer, keys)
    names = [first.fingerprint, *(other.fingerprint for other in others)]
    twice = next((name for name in names if names.count(name) > 1), "")
    if twice:
        raise SigningKeyError("a key is given twice", why=f"this key: {twice}")
    return msgspec.structs.replace(first, others=tuple(others))


def issuer(signature: bytes) -> str:
    """Return the fingerprint of the part that signed."""
    return next((packet.issuer_fingerprint or "" for packet in packets(signature)), "").upper()
