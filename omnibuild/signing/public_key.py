"""Public keys as key stores give them: SubjectPublicKeyInfo in PEM (RFC 7468, RFC 8017, RFC 8410).

Only as much of DER is read as an RSA or an Ed25519 key has.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

# RSA of 16384 bits is four times of what anybody has.
LARGEST = 16384

_BLOCK = re.compile(rb"-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]*)-----END PUBLIC KEY-----")
_SEQUENCE, _INTEGER, _BITS, _IDENTIFIER = 0x30, 0x02, 0x03, 0x06
_RSA = bytes.fromhex("2a864886f70d010101")
_ED25519 = bytes.fromhex("2b6570")
ED25519_LENGTH = 32


class NotAKeyError(ValueError):
    """It is no public key that can be used; the message says why."""


@dataclass(frozen=True)
class RsaKey:
    """An RSA key.

    Args:
        modulus: the product of its primes.
        exponent: the public one.
    """

    modulus: int
    exponent: int


@dataclass(frozen=True)
class Ed25519Key:
    """An Ed25519 key; ``point`` is its 32 bytes."""

    point: bytes


def read_public_key(pem: bytes) -> RsaKey | Ed25519Key:
    """Read a public key; raises :class:`NotAKeyError`."""
    if len(pem) > LARGEST:
        raise NotAKeyError("it is far too large")
    block = _BLOCK.search(pem)
    if not block:
        raise NotAKeyError("it does not begin with -----BEGIN PUBLIC KEY-----")
    try:
        data = base64.b64decode(b"".join(block[1].split()), validate=True)
    except binascii.Error as error:
        raise NotAKeyError("it is damaged") from error
    algorithm, bits = _values(_only(data, _SEQUENCE), _SEQUENCE, _BITS)
    identifier = next(_elements(algorithm), (0, b""))
    if bits[:1] != b"\0":
        raise NotAKeyError("it is damaged")
    if identifier == (_IDENTIFIER, _RSA):
        modulus, exponent = _values(_only(bits[1:], _SEQUENCE), _INTEGER, _INTEGER)
        return RsaKey(int.from_bytes(modulus), int.from_bytes(exponent))
    if identifier == (_IDENTIFIER, _ED25519) and len(bits) == ED25519_LENGTH + 1:
        return Ed25519Key(bits[1:])
    raise NotAKeyError("it is neither an RSA nor an Ed25519 key")


def _only(data: bytes, tag: int) -> bytes:
    (value,) = _values(data, tag)
    return value


def _values(data: bytes, *tags: int) -> list[bytes]:
    """Return the values of elements that must be exactly these."""
    found = list(_elements(data))
    if [tag for tag, _ in found] != list(tags):
        raise NotAKeyError("it is damaged, or no public key")
    return [value for _, value in found]


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield tags and values of elements in a row."""
    while data:
        tag, length, start = data[0], (data[1:2] or b"\xff")[0], 2
        if length & 0x80:
            start += length & 0x7F
            length = int.from_bytes(data[2:start])
        if start > LARGEST or len(data) < start + length:
            raise NotAKeyError("it is cut off")
        yield tag, data[start : start + length]
        data = data[start + length :]
