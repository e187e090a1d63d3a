"""A secret key in a file, which the library signs with: no agent, no process, no home directory."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from omnibuild.errors import SigningKeyError, Where
from omnibuild.regular import read_regular
from omnibuild.signing.certificate import (
    REPLACE,
    Certificate,
    checked_certificate,
    checked_parts,
)
from omnibuild.signing.messages import packets, signatures_below

if TYPE_CHECKING:
    from pysequoia import Tsk

EXPORT = "export it with: gpg --armor --export-secret-keys, without a passphrase"


@dataclass(frozen=True)
class KeyFile:
    """Signs with a secret key that is in this process."""

    at_once: ClassVar[bool] = True

    _key: Tsk = field(repr=False)

    def sign(self, data: bytes, *, text: bool = False) -> bytes:
        """As :class:`~omnibuild.signing.signer.Backend` says."""
        from pysequoia import SignatureMode, sign

        # A signer is spent by its signature, so that each takes a new one.
        signer = self._key.signer()
        if not text:
            return bytes(sign(signer, data, mode=SignatureMode.DETACHED, armor=False))
        message = bytes(sign(signer, data, mode=SignatureMode.CLEAR))
        return b"".join(map(bytes, packets(signatures_below(message))))

    def sign_file(self, path: Path, signature: Path) -> None:
        """As :class:`~omnibuild.signing.signer.Backend` says."""
        from pysequoia import SignatureMode, sign_file

        sign_file(self._key.signer(), path, signature, mode=SignatureMode.DETACHED, armor=False)


def open_key_file(name: str) -> tuple[Certificate, KeyFile]:
    """Read a secret key that ``omnibuild key create`` made or gpg exported.

    Raises :class:`SigningKeyError` when there is none, or when hosts would not accept it.
    """
    from pysequoia import Tsk

    where = Where(name)
    try:
        data = read_regular(Path(name))
        parts = checked_parts(data, where)
        key = Tsk.from_bytes(data)
        certificate = checked_certificate(key.extract_certificate(), parts, where)
        # A passphrase, or nothing that signs, shows itself now.
        key.signer()
    except OSError as error:
        raise SigningKeyError(
            f"no signing key can be read: {error.strerror}",
            where=where,
            hint="make one: omnibuild key create",
        ) from error
    except RuntimeError as error:
        raise _refusal(error, where) from error
    return certificate, KeyFile(key)


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
