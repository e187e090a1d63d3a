"""The keys inside a key: a primary one and subkeys, each with an end of its own.

The library signs with any of them that can sign now, and tells the end of the primary alone. Hosts
refuse what a part signed that ended, so its end is read from the packets.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from omnibuild.errors import SigningKeyError, Where

if TYPE_CHECKING:
    from pysequoia.packet import Packet

# A key's packet (RFC 4880, RFC 6637) has its version, its time, its algorithm, and, when that is an
# elliptic one, how long the number of the curve is, and that.
_ALGORITHM, _LENGTH, _NUMBER = 5, 6, 7
_ELLIPTIC = {19, 22}
_CURVES = {
    "2a8648ce3d030107": "NIST P-256",
    "2b81040022": "NIST P-384",
    "2b81040023": "NIST P-521",
    "2b06010401da470f01": "Ed25519",
    "2b8104000a": "secp256k1",
    "2b2403030208010107": "brainpoolP256r1",
    "2b240303020801010b": "brainpoolP384r1",
    "2b240303020801010d": "brainpoolP512r1",
    "2b6571": "Ed448",
}
# Those that hosts know, of any release; and what has none.
COMMON_CURVES = ("", "NIST P-256", "NIST P-384", "NIST P-521", "Ed25519")

_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)


class Part(Struct, frozen=True):
    """A primary key or a subkey.

    Args:
        fingerprint: upper-case hex digits.
        algorithm: ``RSA``, ``EdDSA``, ``ECDSA`` and so on.
        curve: of an elliptic one its name, or its number (object identifier); else empty.
        created: when it was made.
        expires: when it ends, or never.
        signs: whether it is meant for signing data.
        bound: since when it is as it is, which is after it was made where its end was moved.
    """

    fingerprint: str
    algorithm: str
    curve: str
    created: datetime.datetime
    expires: datetime.datetime | None
    signs: bool
    bound: datetime.datetime = _EPOCH


def read_parts(key: bytes) -> list[Part]:
    """Return the parts of a key, secret or public, armored or binary; the primary one first."""
    from pysequoia.packet import PacketPile, Tag

    tags = (Tag.SecretKey, Tag.PublicKey, Tag.SecretSubkey, Tag.PublicSubkey)
    parts: list[tuple[Packet, list[Packet]]] = []
    for packet in PacketPile.from_bytes(key):
        if packet.tag in tags:
            parts.append((packet, []))
        # Only bindings carry flags: revocations and others' certifications have none.
        elif packet.tag == Tag.Signature and parts and packet.key_flags:
            parts[-1][1].append(packet)
    return [_part(packet, bindings) for packet, bindings in parts]


def is_secret(key: bytes) -> bool:
    """Tell whether a key, armored or binary, has parts that must be kept secret."""
    from pysequoia.packet import PacketPile, Tag

    secret = (Tag.SecretKey, Tag.SecretSubkey)
    return any(packet.tag in secret for packet in PacketPile.from_bytes(key))


def end_of(parts: Sequence[Part], signing: str) -> datetime.datetime | None:
    """Return when hosts begin to refuse what the part ``signing`` signs: its end or the primary's.

    Raises :class:`KeyError` when there is no such part.
    """
    ends = (parts[0].expires, part_of(parts, signing).expires)
    return min((end for end in ends if end), default=None)


def last_end_of(parts: Sequence[Part]) -> datetime.datetime | None:
    """Return when the last of the parts that sign ends, or the primary one before; or never."""
    ends = [end_of(parts, part.fingerprint) for part in parts if part.signs]
    return None if None in ends else max((end for end in ends if end), default=None)


def part_of(parts: Sequence[Part], fingerprint: str) -> Part:
    """Return the part with a fingerprint; raises :class:`KeyError`."""
    return {part.fingerprint: part for part in parts}[fingerprint]


def check_curves(parts: Sequence[Part], where: Where, *, hint: str) -> None:
    """Refuse a key whose primary part, or all of whose parts that sign, have a rare curve."""
    signing = [part for part in parts if part.signs]
    rare = [part for part in signing if part.curve not in COMMON_CURVES]
    found = parts[:1] if parts and parts[0].curve not in COMMON_CURVES else []
    found = found or (rare if len(rare) == len(signing) else [])
    if found:
        raise SigningKeyError(
            f"keys of the curve {found[0].curve} are of no use here",
            where=where,
            why=f"this key: {found[0].fingerprint}\n"
            f"known to apt, rpm and omnibuild: RSA, {', '.join(filter(None, COMMON_CURVES))}",
            hint=hint,
        )


def _part(key: Packet, bindings: list[Packet]) -> Part:
    """The newest binding is in force: an end that was moved is one more."""
    newest = max(bindings, key=_created, default=None)
    period = newest.key_validity_period if newest else None
    created = key.key_created or _EPOCH
    return Part(
        fingerprint=(key.fingerprint or "").upper(),
        algorithm=str(key.key_algorithm).rpartition(".")[2].replace("RSAEncryptSign", "RSA"),
        curve=_curve(key.body),
        created=created,
        expires=created + period if period else None,
        signs=bool(newest and newest.key_flags and newest.key_flags.signing),
        bound=_created(newest) if newest else created,
    )


def _curve(body: bytes) -> str:
    if len(body) < _NUMBER or body[_ALGORITHM] not in _ELLIPTIC:
        return ""
    number = body[_NUMBER : _NUMBER + body[_LENGTH]].hex()
    return _CURVES.get(number, number)


def _created(signature: Packet) -> datetime.datetime:
    return signature.signature_created or _EPOCH
