"""Signing keys: gpg makes them, pysequoia signs and verifies with them.

apt (gpgv, sqv), rpm 4.18 and later and dnf all accept keys that gpg made; they do not all accept
keys of other generators. A gpg process takes a tenth of a second for each signature, the library
a hundredth, and needs no agent and no home directory.
"""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from omnibuild.errors import SigningKeyError, UsageError, Where
from omnibuild.files import write_atomic
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool

if TYPE_CHECKING:
    from pysequoia import Cert, SignatureMode, Tsk

GPG = Tool("gpg", "gnupg")
GPGCONF = Tool("gpgconf", "gnupg")

V4_FINGERPRINT_LENGTH = 40


@dataclass(frozen=True)
class KeyInfo:
    """A signing key and the files that hold it.

    Args:
        fingerprint: 40 upper-case hex digits.
        user_id: name and address, as ``Shop packages <ops@example.com>``.
        path: the secret key; whoever reads this file can sign.
        public_armored: the public key as text.
        public_binary: the public key as a binary keyring.
    """

    fingerprint: str
    user_id: str
    path: Path
    public_armored: Path
    public_binary: Path


@dataclass(frozen=True)
class Signer:
    """Signs with one key.

    Example:
        >>> signer = load_signer(Path("signing.key"))  # doctest: +SKIP
        >>> signer.sign_detached(b"data")  # doctest: +SKIP
    """

    fingerprint: str
    user_id: str
    expires: datetime.datetime | None
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


@dataclass(frozen=True)
class Verifier:
    """Tells whether one of the trusted keys signed something.

    Example:
        >>> verifier = load_verifier([Path("signing.key.pub.asc")])  # doctest: +SKIP
        >>> verifier.is_signed(b"data", signer.sign_detached_armored(b"data"))  # doctest: +SKIP
        True
    """

    _certificates: tuple[Cert, ...]

    def is_signed(self, data: bytes, signature: bytes) -> bool:
        """Tell whether ``signature``, detached, armored or binary, is a good one of ``data``."""
        from pysequoia import Sig, verify

        try:
            verify(
                bytes=data,
                store=lambda issuers: list(self._certificates),
                signature=Sig.from_bytes(signature),
            )
        except RuntimeError:
            # The library's one error for damaged, foreign, revoked and wrong signatures.
            return False
        return True


def load_verifier(paths: Sequence[Path]) -> Verifier:
    """Read public keys, each file an armored key or a binary keyring.

    Raises :class:`SigningKeyError` when there are none, or when a file holds no public key.
    """
    certificates = tuple(certificate for path in paths for certificate in _certificates(path))
    if not certificates:
        raise SigningKeyError("no trusted key is given, so that nothing can be trusted")
    return Verifier(certificates)


def _certificates(path: Path) -> list[Cert]:
    from pysequoia import Cert

    where = Where(str(path))
    hint = "name the key's public file, as signing.key.pub.asc"
    try:
        data = path.read_bytes()
        if b"PRIVATE KEY BLOCK" in data:
            raise SigningKeyError(
                "a secret key, where only public ones belong", where=where, hint=hint
            )
        return list(Cert.split_bytes(data))
    except OSError as error:
        raise SigningKeyError(
            f"no public key can be read: {error.strerror}", where=where, hint=hint
        ) from error
    except RuntimeError as error:
        raise SigningKeyError(
            "not a public key", where=where, why=str(error).partition("\n")[0], hint=hint
        ) from error


def create_key(path: Path, user_id: str) -> KeyInfo:
    """Make a signing key without passphrase and expiry, the public key in files beside it.

    Raises :class:`SigningKeyError` when ``path`` exists: a lost key cuts off every host.
    """
    if not user_id.isprintable() or not user_id[:1].isalnum():
        raise UsageError(
            f"{user_id!r} cannot name a key", hint="give a name, as 'Shop packages <ops@shop.com>'"
        )
    if path.exists():
        raise SigningKeyError(
            "a key is there already and is never overwritten",
            where=Where(str(path)),
            hint="choose another file, or use this key",
        )
    write_atomic(path, _generate(user_id), mode=0o600)
    signer = load_signer(path)
    armored = path.with_name(f"{path.name}.pub.asc")
    binary = path.with_name(f"{path.name}.pub.gpg")
    write_atomic(armored, signer.public_key_armored)
    write_atomic(binary, signer.public_key_binary)
    return KeyInfo(signer.fingerprint, signer.user_id, path, armored, binary)


def _generate(user_id: str) -> bytes:
    """Return a new armored secret key; nothing of the user's own keyring is touched."""
    # The agent's socket lies in this directory and its path must stay below 108 bytes.
    with tempfile.TemporaryDirectory(prefix="omnibuild-") as home:
        environment = {**CLEAN_ENVIRONMENT, "GNUPGHOME": home}
        unattended = ("--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "")
        try:
            GPG.run(
                *unattended,
                # Older gpg binds the name with SHA-1, which Debian 13 rejects.
                *("--cert-digest-algo", "SHA256"),
                *("--quick-generate-key", user_id, "rsa3072", "sign", "never"),
                environment=environment,
            )
            exported = GPG.run(
                *unattended, "--armor", "--export-secret-keys", environment=environment
            )
        finally:
            GPGCONF.run("--kill", "all", environment=environment, check=False)
        return exported.stdout


def load_signer(path: Path) -> Signer:
    """Read a secret key that :func:`create_key` or gpg exported.

    Raises :class:`SigningKeyError` when there is none, or when hosts would not accept it.
    """
    from pysequoia import Tsk

    where = Where(str(path))
    try:
        key = Tsk.from_bytes(path.read_bytes())
        key.signer()
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise SigningKeyError(
            f"no signing key can be read: {error.strerror}",
            where=where,
            hint="make one: omnibuild key create",
        ) from error
    except RuntimeError as error:
        # The library appends its own stack trace, which tells a user nothing.
        raise SigningKeyError(
            "not a secret key that can sign",
            where=where,
            why=str(error).partition("\n")[0],
            hint="export it with: gpg --armor --export-secret-keys, without a passphrase",
        ) from error
    return _checked(key, where)


def _checked(key: Tsk, where: Where) -> Signer:
    certificate = key.extract_certificate()
    expires = certificate.expiration
    if len(certificate.fingerprint) != V4_FINGERPRINT_LENGTH:
        raise SigningKeyError(
            "apt and rpm cannot verify keys of this OpenPGP version",
            where=where,
            hint="make one with gpg: omnibuild key create FILE",
        )
    if certificate.is_revoked or not certificate.user_ids:
        raise SigningKeyError("the key is revoked, or has no user ID", where=where)
    if expires is not None and expires <= datetime.datetime.now(datetime.UTC):
        raise SigningKeyError(
            f"the key expired on {expires:%Y-%m-%d}; hosts refuse what it signs",
            where=where,
            hint="extend it with: gpg --quick-set-expire, then export it again",
        )
    user_id = str(certificate.user_ids[0])
    return Signer(certificate.fingerprint.upper(), user_id, expires, key)
