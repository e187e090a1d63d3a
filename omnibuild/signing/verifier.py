"""Verifying signatures with public keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from omnibuild.errors import SigningKeyError, Where
from omnibuild.regular import read_regular
from omnibuild.signing.parts import check_curves, is_secret, read_parts

if TYPE_CHECKING:
    from pysequoia import Cert

OTHER = "trust another key: omnibuild key create makes one"


class Verifier(Struct, frozen=True):
    """Tells whether one of the trusted keys signed something.

    Example:
        >>> verifier = load_verifier([Path("signing.key.pub.asc")])  # doctest: +SKIP
        >>> verifier.is_signed(b"data", signer.sign_detached_armored(b"data"))  # doctest: +SKIP
        True
    """

    _certificates: tuple[Cert, ...]

    def is_signed(self, data: bytes, signature: bytes) -> bool:
        """Tell whether ``signature``, detached, armored or binary, is a good one of ``data``."""
        return self._verifies(signature, bytes=data)

    def is_signed_file(self, path: Path, signature: bytes) -> bool:
        """Tell the same of a file, which may be larger than memory."""
        return self._verifies(signature, file=path)

    def is_signed_cleartext(self, message: bytes) -> bool:
        """Tell whether ``message``, with signatures below its text, has a good one."""
        return self._verifies(None, bytes=message)

    def _verifies(self, signature: bytes | None, **data: Any) -> bool:
        from pysequoia import Sig, verify

        try:
            detached = None if signature is None else Sig.from_bytes(signature)
            verify(store=lambda issuers: list(self._certificates), signature=detached, **data)
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
        data = read_regular(path)
        if is_secret(data):
            raise SigningKeyError(
                "a secret key, where only public ones belong", where=where, hint=hint
            )
        certificates = list(Cert.split_bytes(data))
        for certificate in certificates:
            check_curves(read_parts(bytes(certificate)), where, hint=OTHER)
        return certificates
    except OSError as error:
        raise SigningKeyError(
            f"no public key can be read: {error.strerror}", where=where, hint=hint
        ) from error
    except RuntimeError as error:
        raise SigningKeyError(
            "not a public key", where=where, why=str(error).partition("\n")[0], hint=hint
        ) from error
