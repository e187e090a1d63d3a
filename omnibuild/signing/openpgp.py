"""OpenPGP packets around raw signatures, which key stores give: version 4 (RFC 4880, 5.2.3, 5.5.2).

RSA by PKCS #1 v1.5, and Ed25519 over the digest as gpg has it (EdDSA for OpenPGP, algorithm 22).
"""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from omnibuild.signing.public_key import Ed25519Key, RsaKey

# Gives the raw signature of a digest.
SignDigest = Callable[[bytes], bytes]

DIGEST: Final = "sha512"
BINARY, TEXT, CERTIFICATION = 0x00, 0x01, 0x13

_ALGORITHM = 5  # where a key's body has it
_RSA, _EDDSA, _SHA512, _SHA256 = 1, 22, 10, 8
_PUBLIC_KEY, _SIGNATURE, _USER_ID = 6, 2, 13
_CREATED, _PRIMARY_NAME, _FLAGS, _HASHES, _ISSUER, _ISSUER_ID = 2, 25, 27, 21, 33, 16
_CERTIFIES_AND_SIGNS = 0x03
_CURVE = bytes.fromhex("2b06010401da470f01")
# In front of a point that is as short as can be.
_NATIVE = b"\x40"


@dataclass(frozen=True)
class PublicKeyPacket:
    """A primary key: the numbers of a key store, and when it was made, which is in its name."""

    key: RsaKey | Ed25519Key
    created: int

    @cached_property
    def body(self) -> bytes:
        """The packet without its header."""
        head = struct.pack(">BI", 4, self.created)
        if isinstance(self.key, RsaKey):
            return head + bytes([_RSA]) + _number(self.key.modulus) + _number(self.key.exponent)
        point = int.from_bytes(_NATIVE + self.key.point)
        return head + bytes([_EDDSA, len(_CURVE)]) + _CURVE + _number(point)

    @cached_property
    def fingerprint(self) -> bytes:
        """Its 20 bytes."""
        return hashlib.sha1(self.hashed, usedforsecurity=False).digest()

    @property
    def hashed(self) -> bytes:
        """What fingerprints and certifications cover."""
        return struct.pack(">BH", 0x99, len(self.body)) + self.body

    def certificate(self, user_id: str, sign: SignDigest) -> bytes:
        """Return the public key with a user ID that the key itself certifies."""
        name = user_id.encode()
        covered = self.hashed + struct.pack(">BI", 0xB4, len(name)) + name
        binding = signature_packet(
            self.body[_ALGORITHM],
            self.fingerprint,
            CERTIFICATION,
            self.created,
            (_FLAGS, bytes([_CERTIFIES_AND_SIGNS])),
            (_HASHES, bytes([_SHA512, _SHA256])),
            (_PRIMARY_NAME, b"\x01"),
        )
        signature = binding.complete([covered], sign)
        return _packet(_PUBLIC_KEY, self.body) + _packet(_USER_ID, name) + signature


@dataclass(frozen=True)
class SignaturePacket:
    """A signature that is to be made.

    Args:
        algorithm: OpenPGP's number of the key's algorithm.
        issuer: fingerprint of the key that signs.
        hashed: the part of the packet that the signature covers.
    """

    algorithm: int
    issuer: bytes
    hashed: bytes

    def complete(self, data: Iterable[bytes], sign: SignDigest) -> bytes:
        """Return the packet for what ``data`` holds, piece by piece."""
        hasher = hashlib.new(DIGEST)
        for piece in data:
            hasher.update(piece)
        hasher.update(self.hashed + struct.pack(">BBI", 4, 0xFF, len(self.hashed)))
        digest = hasher.digest()
        key_id = _subpacket(_ISSUER_ID, self.issuer[-8:])
        unhashed = struct.pack(">H", len(key_id)) + key_id
        numbers = self._numbers(sign(digest))
        return _packet(_SIGNATURE, self.hashed + unhashed + digest[:2] + numbers)

    def _numbers(self, raw: bytes) -> bytes:
        if self.algorithm == _RSA:
            return _number(int.from_bytes(raw))
        half = len(raw) // 2
        return _number(int.from_bytes(raw[:half])) + _number(int.from_bytes(raw[half:]))


def signature_packet(
    algorithm: int, issuer: bytes, kind: int, now: int, *subpackets: tuple[int, bytes]
) -> SignaturePacket:
    """Return a signature that is to be made.

    Args:
        algorithm: OpenPGP's number of the key's algorithm.
        issuer: fingerprint of the key.
        kind: what is signed: bytes, text, or a user ID.
        now: seconds since 1970.
        subpackets: what else it says, by their numbers.
    """
    said = b"".join(
        _subpacket(*each)
        for each in ((_CREATED, struct.pack(">I", now)), (_ISSUER, b"\x04" + issuer), *subpackets)
    )
    head = struct.pack(">BBBBH", 4, kind, algorithm, _SHA512, len(said))
    return SignaturePacket(algorithm, issuer, head + said)


def now() -> int:
    """Return the time in seconds since 1970."""
    return int(time.time())


def _packet(tag: int, body: bytes) -> bytes:
    # The old form of headers, with two bytes of length, is what every reader knows.
    return struct.pack(">BH", 0x80 | tag << 2 | 1, len(body)) + body


def _subpacket(kind: int, body: bytes) -> bytes:
    return bytes([len(body) + 1, kind]) + body


def _number(value: int) -> bytes:
    bits = value.bit_length()
    return struct.pack(">H", bits) + value.to_bytes((bits + 7) // 8)
