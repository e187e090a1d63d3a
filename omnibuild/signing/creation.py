"""Making keys."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnibuild.errors import SigningKeyError, UsageError, Where
from omnibuild.files import make_directory, storage_errors, write_atomic
from omnibuild.signing.command import make_certificate, public_half
from omnibuild.signing.gpg import GPG
from omnibuild.signing.signer import load_signer
from omnibuild.tools import CLEAN_ENVIRONMENT, Tool

GPGCONF = Tool("gpgconf", "gnupg")


@dataclass(frozen=True)
class KeyInfo:
    """A signing key and the files that hold it.

    Args:
        fingerprint: 40 upper-case hex digits.
        user_id: name and address, as ``Shop packages <ops@example.com>``.
        path: the secret key, or the program that signs; whoever has it can sign.
        public_armored: the public key as text.
        public_binary: the public key as a binary keyring.
    """

    fingerprint: str
    user_id: str
    path: Path
    public_armored: Path
    public_binary: Path


def create_key(path: Path, user_id: str) -> KeyInfo:
    """Make a signing key without passphrase and expiry, the public key in files beside it.

    Raises :class:`SigningKeyError` when ``path`` exists: a lost key cuts off every host.
    """
    with _making(path, user_id):
        return _create(path, user_id)


def create_certificate(program: Path, user_id: str) -> KeyInfo:
    """Give the key of a program that signs a name: its OpenPGP certificate, beside the program.

    Raises :class:`SigningKeyError` when there is one: hosts would not know another of that key.
    """
    armored = public_half(program)
    binary = armored.with_suffix(".gpg")
    with _making(program, user_id):
        if armored.exists():
            raise SigningKeyError(
                "the key has a certificate already, which is never overwritten",
                where=Where(str(armored)),
                hint="use it: hosts would take another one for another key",
            )
        certificate = make_certificate(program, user_id)
        write_atomic(binary, certificate.binary)
        write_atomic(armored, certificate.armored)
    return KeyInfo(certificate.fingerprint, certificate.user_id, program, armored, binary)


@contextlib.contextmanager
def _making(path: Path, user_id: str) -> Iterator[None]:
    """Refuse what cannot name a key; making one takes a second, in which nobody else makes one."""
    if not user_id.isprintable() or not user_id[:1].isalnum():
        raise UsageError(
            f"{user_id!r} cannot name a key", hint="give a name, as 'Shop packages <ops@shop.com>'"
        )
    with storage_errors(path):
        make_directory(path.parent)
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            fcntl.flock(directory, fcntl.LOCK_EX)
            yield
        finally:
            os.close(directory)


def _create(path: Path, user_id: str) -> KeyInfo:
    armored = path.with_name(f"{path.name}.pub.asc")
    binary = path.with_name(f"{path.name}.pub.gpg")
    # The public half of a key that was moved away is no less precious.
    for file in (path, armored, binary):
        if file.exists():
            made = _complete(path, armored, binary)
            raise SigningKeyError(
                "a key is there already and is never overwritten",
                where=Where(str(file)),
                why=f"its public half was missing and is there now: {made}" if made else "",
                hint="choose another file, or use this key"
                if path.exists()
                else "its secret half is not here: bring it back, or move this file away",
            )
    write_atomic(path, _generate(user_id), mode=0o600)
    _complete(path, armored, binary)
    signer = load_signer(path)
    return KeyInfo(signer.fingerprint, signer.user_id, path, armored, binary)


def _complete(path: Path, armored: Path, binary: Path) -> str:
    """Write what is missing of a key's public half, which somebody who was killed did not do.

    Returns the files that were missing; what has no secret half stays as it is.
    """
    missing = [file for file in (armored, binary) if not file.exists()]
    if not missing or not path.exists():
        return ""
    signer = load_signer(path)
    halves = {armored: signer.public_key_armored, binary: signer.public_key_binary}
    for file in missing:
        write_atomic(file, halves[file])
    return ", ".join(map(str, missing))


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
