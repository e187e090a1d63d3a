"""The keys inside a key: a primary one and subkeys, each with an end of its own.

The library signs with any of them that can sign now, and tells the end of the primary alone. Hosts
refuse what a part signed that ended, so its end is read from the packets.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pysequoia.packet import Packet

_EPOCH = datetime.datetime.fromtimestamp(0, datetime.UTC)


@dataclass(frozen=True)
class Part:
    """A primary key or a subkey.

    Args:
        fingerprint: upper-case hex digits.
        algorithm: ``RSA``, ``EdDSA``, ``ECDSA`` and so on.
        created: when it was made.
        expires: when it ends, or never.
        signs: whether it is meant for signing data.
    """

    fingerprint: str
    algorithm: str
    created: datetime.datetime
    expires: datetime.datetime | None
    signs: bool


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


def part_of(parts: Sequence[Part], fingerprint: str) -> Part:
    """Return the part with a fingerprint; raises :class:`KeyError`."""
    return {part.fingerprint: part for part in parts}[fingerprint]


def _part(key: Packet, bindings: list[Packet]) -> Part:
    """The newest binding is in force: an end that was moved is one more."""
    newest = max(bindings, key=_created, default=None)
    period = newest.key_validity_period if newest else None
    created = key.key_created or _EPOCH
    return Part(
        fingerprint=(key.fingerprint or "").upper(),
        algorithm=str(key.key_algorithm).rpartition(".")[2].replace("RSAEncryptSign", "RSA"),
        created=created,
        expires=created + period if period else None,
        signs=bool(newest and newest.key_flags and newest.key_flags.signing),
    )


def _created(signature: Packet) -> datetime.datetime:
    return signature.signature_created or _EPOCH
