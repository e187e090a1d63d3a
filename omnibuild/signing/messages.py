"""Signed messages around signatures: readable text, and signatures as text.

RFC 4880 has the formats: 6.2 (armor) and 7 (the cleartext signature framework). What signs makes
nothing but the signature itself, so that a message can carry those of several keys.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from omnibuild.patterns import regex

if TYPE_CHECKING:
    from pysequoia.packet import Packet

BEGIN_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"

_LINE_END = regex(rb"[ \t\r]*\n")
_HIDDEN = regex(rb"^(?=-)", re.MULTILINE)


def canonical(text: bytes) -> bytes:
    """Return the bytes that a signature of text covers, whatever the line ends of a system are."""
    return _LINE_END.sub(b"\r\n", text)


def readable(text: bytes, signatures: Sequence[bytes]) -> bytes:
    r"""Return text with signatures of it below.

    Args:
        text: it ends with a line end.
        signatures: binary ones, of its :func:`canonical` form.
    """
    named = sorted({str(packet.hash_algorithm) for one in signatures for packet in packets(one)})
    hashes = ", ".join(name.rpartition(".")[2] for name in named).encode()
    lines = _HIDDEN.sub(b"- ", _LINE_END.sub(b"\n", text))
    header = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: " + hashes
    # The last line end before the signature belongs to the frame.
    return header + b"\n\n" + lines + b"\n" + armored(signatures)


def armored(signatures: Sequence[bytes]) -> bytes:
    """Return signatures as one text."""
    from pysequoia import ArmorKind, armor

    return armor(b"".join(signatures), ArmorKind.Signature).encode()


def packets(signatures: bytes) -> Iterator[Packet]:
    """Yield the packets of signatures, armored or binary; nothing of what are none."""
    from pysequoia.packet import PacketPile, Tag

    try:
        pile = list(PacketPile.from_bytes(signatures))
    except RuntimeError:
        # The library's one error for whatever is damaged.
        return
    yield from (packet for packet in pile if packet.tag == Tag.Signature)


def signatures_below(message: bytes) -> bytes:
    """Return the armored signatures of a readable message."""
    _, begin, rest = message.rpartition(BEGIN_SIGNATURE)
    return begin + rest
