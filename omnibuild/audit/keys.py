"""Private keys in files: what parses as one, in any of the forms that programs read.

Documentation and programs that read keys name the headers; so a header alone is none, nor is one
with something else below it.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

_MARK = b"PRIVATE KEY"
_BEGIN = re.compile(rb"-----BEGIN ((?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----")
_LARGEST = 1 << 16
_PUTTY = re.compile(rb"PuTTY-User-Key-File-[0-9]+: .*?^Private-Lines: [0-9]+\s", re.S | re.M)
# What source code puts around each line of a text: `+ "…" ,`.
_QUOTES = re.compile(rb"""^[ \t]*(?:\+[ \t]*)?["']|["'][ \t]*[+,;\\]*[ \t\r]*$""")
_OPENSSH = b"openssh-key-v1\0"
_PGP_SECRET_PACKETS = (5, 7)

_INTEGER, _OCTETS, _OBJECT, _SEQUENCE = 0x02, 0x04, 0x06, 0x30
# Beginnings of object identifiers: PKCS#5 and PKCS#12 encryption, PKCS#7 contents.
_ENCRYPTION = (b"\x2a\x86\x48\x86\xf7\x0d\x01\x05", b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01")
_CONTENTS = b"\x2a\x86\x48\x86\xf7\x0d\x01\x07"
_RSA_NUMBERS, _DSA_NUMBERS = 9, 6


def private_key_in(content: bytes) -> int | None:
    """Return the offset of the first private key in a file's content."""
    if _MARK in content:
        for begin in _BEGIN.finditer(content):
            if _is_armoured_key(content, begin):
                return begin.start()
    if content.startswith(b"PuTTY-User-Key-File-") and _PUTTY.match(content):
        return 0
    return 0 if content[:1] == b"\x30" and is_der_key(content, whole=True) else None


def is_der_key(data: bytes, *, whole: bool = False) -> bool:
    """Tell whether data is a private key in DER, or a PKCS#12 file.

    Args:
        data: what may begin with one.
        whole: nothing may follow it.
    """
    try:
        tag, start, end = _element(data, 0)
        if tag != _SEQUENCE or end > len(data) or (whole and end != len(data)):
            return False
        return _is_key(list(_children(data, start, end)))
    except ValueError:
        return False


def _is_key(fields: list[tuple[int, bytes]]) -> bool:
    """Tell by the fields of a sequence: RFC 8017, 5915, 5958 and 7292, and OpenSSL's DSA keys."""
    tags = [tag for tag, _ in fields]
    values = [value for _, value in fields]
    if tags[:1] == [_INTEGER]:
        version = int.from_bytes(values[0])
        if version in (0, 1) and tags[1:3] == [_SEQUENCE, _OCTETS]:
            return values[1][:1] == bytes([_OBJECT])
        if version == 0 and tags == [_INTEGER] * len(tags):
            return len(tags) in (_RSA_NUMBERS, _DSA_NUMBERS)
        if version == 1 and tags[:_RSA_NUMBERS] == [_INTEGER] * _RSA_NUMBERS:
            return True
        if version == 1 and tags[1:2] == [_OCTETS]:
            return set(tags[2:]) <= {0xA0, 0xA1}
        return version == 3 and tags[1:2] == [_SEQUENCE] and values[1][2:10] == _CONTENTS
    if tags == [_SEQUENCE, _OCTETS] and values[0][:1] == bytes([_OBJECT]):
        return values[0][2:].startswith(_ENCRYPTION)
    return False


def _children(data: bytes, offset: int, end: int) -> Iterator[tuple[int, bytes]]:
    while offset < end:
        tag, start, offset = _element(data, offset)
        if offset > end:
            raise ValueError("an element is longer than what holds it")
        yield tag, data[start:offset]


def _element(data: bytes, offset: int) -> tuple[int, int, int]:
    """Return the tag of the element at ``offset``, and where its content starts and ends."""
    if offset + 2 > len(data):
        raise ValueError("no element")
    tag, length, start = data[offset], data[offset + 1], offset + 2
    if length & 0x80:
        count = length & 0x7F
        if not 1 <= count <= 4:
            raise ValueError("a length that DER does not have")
        length = int.from_bytes(data[start : start + count])
        start += count
    return tag, start, start + length


def _is_armoured_key(content: bytes, begin: re.Match[bytes]) -> bool:
    # A key ends before the next one begins: so nothing is looked at over and over.
    most = begin.end() + _LARGEST
    following = content.find(b"-----BEGIN ", begin.end(), most)
    most = following if following >= 0 else most
    end = content.find(b"-----END %b-----" % begin[1], begin.end(), most)
    if end < 0:
        return False
    # In JSON and source code a line break is two characters, and quotes stand around lines.
    text = content[begin.end() : end].replace(b"\\r", b"").replace(b"\\n", b"\n")
    lines = [_QUOTES.sub(b"", line).strip(b" \t\r\\") for line in text.split(b"\n")]
    body = b"".join(line for line in lines if b":" not in line and line[:1] != b"=")
    try:
        data = base64.b64decode(body, validate=True)
    except binascii.Error:
        return False
    if b"OPENSSH" in begin[1]:
        return data.startswith(_OPENSSH)
    if b"BLOCK" in begin[1]:
        return _packet(data) in _PGP_SECRET_PACKETS
    if any(line.startswith(b"DEK-Info:") for line in lines):
        return bool(data)
    return is_der_key(data)


def _packet(data: bytes) -> int:
    """Return the type of the first OpenPGP packet, 0 if it is none."""
    first = data[0] if data else 0
    if not first & 0x80:
        return 0
    return first & 0x3F if first & 0x40 else first >> 2 & 0x0F
