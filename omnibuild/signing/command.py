"""A key that another program signs with: in a key management service, or a hardware module.

Such stores sign digests and know nothing of OpenPGP. So the program is asked for the raw signature
of a digest, and the packets around it are made here. Its public key lies beside it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from omnibuild.errors import SigningKeyError, ToolFailedError, Where
from omnibuild.regular import open_regular
from omnibuild.signing.certificate import (
    Certificate,
    checked_certificate,
    checked_parts,
    read_certificate,
)
from omnibuild.signing.openpgp import (
    BINARY,
    DIGEST,
    TEXT,
    PublicKeyPacket,
    now,
    signature_packet,
)
from omnibuild.signing.public_key import NotAKeyError, read_public_key
from omnibuild.tools import Tool, describe_status, tail

# What the program is told: what is wanted of it, and by which digest.
WANTED: Final = "OMNIBUILD_SIGN"
DIGEST_NAME: Final = "OMNIBUILD_SIGN_DIGEST"

SECONDS: Final = 120
# A signature of the largest RSA key has 2 KiB.
LARGEST: Final = 1 << 14

_ALGORITHMS: Final = {"RSA": 1, "EdDSA": 22}
# 64 random bytes, the shortest signature, are text like this once in 10**26 times.
_TEXT: Final = re.compile(rb"[ -~\n\r]+")
_SECRETS: Final = re.compile("TOKEN|SECRET|PASS|KEY|PIN|CREDENTIAL", re.IGNORECASE)
# Shorter ones are in every other word.
_SHORTEST_SECRET: Final = 4


@dataclass(frozen=True)
class Command:
    """Signs by a program.

    Args:
        program: reads a digest and writes its raw signature.
        algorithm: OpenPGP's number of the key's algorithm.
        issuer: fingerprint of the key.
    """

    # Who wrote the program need not have thought of it.
    at_once: ClassVar[bool] = False

    program: Path
    algorithm: int
    issuer: bytes

    def sign(self, data: bytes, *, text: bool = False) -> bytes:
        """As :class:`~omnibuild.signing.signer.Backend` says."""
        packet = signature_packet(self.algorithm, self.issuer, TEXT if text else BINARY, now())
        return packet.complete([data], self._sign_digest)

    def sign_file(self, path: Path, signature: Path) -> None:
        """As :class:`~omnibuild.signing.signer.Backend` says."""
        packet = signature_packet(self.algorithm, self.issuer, BINARY, now())
        signature.write_bytes(packet.complete(_pieces(path), self._sign_digest))

    def _sign_digest(self, digest: bytes) -> bytes:
        return _sign_digest(self.program, digest)


def public_half(program: Path) -> Path:
    """Return where the OpenPGP certificate of a program's key lies: beside the program."""
    return program.with_name(f"{program.name}.pub.asc")


def open_command(name: str) -> tuple[Certificate, Command]:
    """Take a program that signs, and the certificate beside it.

    Raises :class:`SigningKeyError` when there is none, or when hosts would not accept it.
    """
    program = Path(name)
    public = public_half(program)
    if not public.exists():
        raise SigningKeyError(
            "the public key of a program that signs is not beside it",
            where=Where(str(public)),
            hint=f"make it once: omnibuild key create command:{name}",
        )
    certificate = read_certificate(str(public))
    algorithm = _ALGORITHMS.get(certificate.parts[0].algorithm)
    if algorithm is None:
        raise SigningKeyError(
            f"programs sign with RSA or Ed25519 keys, not {certificate.parts[0].algorithm}",
            where=certificate.where,
        )
    return certificate, Command(program, algorithm, bytes.fromhex(certificate.fingerprint))


def make_certificate(program: Path, user_id: str) -> Certificate:
    """Ask a program for its public key, and return an OpenPGP certificate that it signed.

    Raises :class:`SigningKeyError` when it gives none, or none that hosts accept.
    """
    from pysequoia import Cert

    try:
        key = read_public_key(_ask(program, "public-key"))
    except NotAKeyError as error:
        raise SigningKeyError(
            f"the program gave no public key: {error}",
            where=Where(str(program)),
            hint=f"with {WANTED}=public-key it writes a PEM block, BEGIN PUBLIC KEY",
        ) from error
    made = PublicKeyPacket(key, now()).certificate(
        user_id, lambda digest: _sign_digest(program, digest)
    )
    where = Where(str(program))
    certificate = Cert.from_bytes(made)
    # The library tells only names whose certification it could verify.
    if not certificate.user_ids:
        raise SigningKeyError(
            "the program's signature does not fit the public key that it gave",
            where=where,
            hint="it signs digests of SHA-512, an RSA key by PKCS #1 v1.5; Ed25519 takes the digest"
            " for the message. Keys of less than 2048 bits are too weak",
        )
    return checked_certificate(certificate, checked_parts(made, where), where)


def _sign_digest(program: Path, digest: bytes) -> bytes:
    """Return a digest's raw signature; raises :class:`SigningKeyError`."""
    signature = _ask(program, "digest", digest)
    if not signature or len(signature) > LARGEST or _TEXT.fullmatch(signature):
        raise SigningKeyError(
            f"the program gave {len(signature)} bytes that cannot be a signature",
            where=Where(str(program)),
            hint="it writes the signature as it is, in bytes: neither in base64 nor as hexadecimal"
            " digits, and with no line end",
        )
    return signature


def _ask(program: Path, wanted: str, data: bytes = b"") -> bytes:
    where = Where(str(program))
    if not (program.is_file() and os.access(program, os.X_OK)):
        raise SigningKeyError(
            "there is no program that could sign",
            where=where,
            hint="name an executable file after command:, without arguments",
        )
    # It is the user's own, and needs what says who he is to the key store.
    environment = {**os.environ, WANTED: wanted, DIGEST_NAME: DIGEST}
    tool = Tool(program.name, "", candidates=(program.absolute(),))
    try:
        done = tool.run(data=data, environment=environment, check=False, seconds=SECONDS)
    except OSError as error:
        raise SigningKeyError(
            f"the program that signs cannot be started: {error.strerror}", where=where
        ) from error
    except ToolFailedError as error:
        raise SigningKeyError(error.what, where=where) from error
    if done.returncode:
        raise SigningKeyError(
            f"the program that signs failed ({describe_status(done.returncode)})",
            where=where,
            why=_without_secrets(tail(done.stderr)),
        )
    return done.stdout


def _without_secrets(text: str) -> str:
    """Return what a program said, without values of the environment that are called secret."""
    for name, value in os.environ.items():
        if _SECRETS.search(name) and len(value) >= _SHORTEST_SECRET:
            text = text.replace(value, "…")
    return text


def _pieces(path: Path) -> Iterator[bytes]:
    with open_regular(path) as stream:
        while piece := stream.read(1 << 20):
            yield piece
