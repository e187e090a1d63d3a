"""Signing rpms: an OpenPGP signature over the main header goes into the signature header.

The main header holds the payload's digest, so one signature covers the whole package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Final

from msgspec import Struct

from omnibuild.digests import READ_SIZE, Digest, of_bytes
from omnibuild.errors import PackageError
from omnibuild.files import atomic_file
from omnibuild.package.reading import reading
from omnibuild.package.rpm.header import SIGNATURE_ALIGNMENT, Field, Type, encode_header, read_blob
from omnibuild.package.rpm.reader import read_front
from omnibuild.package.rpm.tags import SignatureTag, Tag
from omnibuild.regular import open_regular

Sign = Callable[[bytes], bytes]

# What an earlier signing may have left, and the room that rpmsign keeps for itself.
REPLACED: Final = frozenset(
    {
        SignatureTag.RSA,
        SignatureTag.DSA,
        SignatureTag.OLD_PGP,
        SignatureTag.OLD_GPG,
        SignatureTag.RESERVED_SPACE,
    }
)

RSA_ALGORITHMS: Final = frozenset({1, 3})
SIGNATURE_PACKET: Final = 2


class SignedRpm(Struct, frozen=True):
    """A package that was signed.

    Args:
        identity: digest of its main header.
        start: where that begins.
        digest: of the file.
        size: of the file.
    """

    identity: Digest
    start: int
    digest: Digest
    size: int


def sign_rpm(path: Path, out: Path, sign: Sign, *, flush: bool = True) -> SignedRpm:
    """Write the package at ``path`` to ``out`` with a signature of its main header.

    An earlier signature is replaced; everything else stays as it is, byte for byte.

    Args:
        path: an rpm, signed or not.
        out: where the signed rpm goes; may be ``path`` itself.
        sign: makes a binary detached OpenPGP signature of the bytes it is given.
        flush: whether ``out`` is on disk then.
    """
    with reading(path), open_regular(path) as stream:
        lead, signature_header = read_front(stream)
        main = read_blob(stream, Tag.IMMUTABLE_REGION)
        payload_start = stream.tell()
    signature = sign(main)
    fields = {tag: field for tag, field in signature_header.fields().items() if tag not in REPLACED}
    fields[signature_tag(signature)] = Field(Type.BINARY, signature)
    front = lead + encode_signature_header(fields)
    digest = hashlib.sha256()
    with path.open("rb") as stream, atomic_file(out, flush=flush) as signed:
        stream.seek(payload_start)
        for piece in chain((front, main), iter(partial(stream.read, READ_SIZE), b"")):
            digest.update(piece)
            signed.write(piece)
        size = signed.tell()
    return SignedRpm(of_bytes(main), len(front), digest.hexdigest(), size)


def encode_signature_header(fields: Mapping[int, Field]) -> bytes:
    """Return a signature header, filled up so that the main header begins aligned."""
    blob = encode_header(fields, SignatureTag.REGION)
    return blob + bytes(-len(blob) % SIGNATURE_ALIGNMENT)


def signature_tag(signature: bytes) -> SignatureTag:
    """Return where rpm looks for a signature: RSA has a tag, all other algorithms share one.

    Raises :class:`PackageError` for what is not a version 4 OpenPGP signature, as armoured text.
    """
    body = _packet_body(signature)
    if len(body) < 3 or body[0] != 4:
        raise PackageError(
            "the signer did not return a binary OpenPGP signature of version 4",
            hint="rpm knows no other; make the key with gpg, and do not armour the signature",
        )
    return SignatureTag.RSA if body[2] in RSA_ALGORITHMS else SignatureTag.DSA


def _packet_body(data: bytes) -> bytes:
    """Return the beginning of a signature packet's body; empty when it is none."""
    if len(data) < 2:
        return b""
    if data[0] & 0xC0 == 0xC0:
        packet, length_bytes = data[0] & 0x3F, _new_length_bytes(data[1])
    else:
        packet, length_bytes = data[0] >> 2 & 0x0F, 1 << (data[0] & 0x03)
    if not data[0] & 0x80 or packet != SIGNATURE_PACKET:
        return b""
    return data[1 + length_bytes : 4 + length_bytes]


def _new_length_bytes(first: int) -> int:
    if first < 192:
        return 1
    return 5 if first == 255 else 2
