"""SHA-256 digests of bytes, files and canonical JSON; a digest is 64 lower-case hex digits."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from omnibuild.regular import regular_descriptor

Digest = str

DIGEST_LENGTH = 64

READ_SIZE = 1 << 20

# Most files are smaller. What is larger is read through a buffer that the processor's cache holds.
_SMALL, _BUFFER = 1 << 16, 1 << 18


def of_bytes(data: bytes) -> Digest:
    """Return the digest of ``data``."""
    return hashlib.sha256(data).hexdigest()


def of_file(path: Path | str) -> Digest:
    """Return the digest of the file's content; raises ``OSError`` as ``open`` does."""
    descriptor = regular_descriptor(path)
    try:
        return of_descriptor(descriptor)
    finally:
        os.close(descriptor)


def of_descriptor(descriptor: int) -> Digest:
    """Return the digest of what an open file holds from where it is read next."""
    digest = hashlib.sha256(os.read(descriptor, _SMALL))
    if more := os.read(descriptor, _SMALL):
        digest.update(more)
        buffer = memoryview(bytearray(_BUFFER))
        while size := os.readv(descriptor, [buffer]):
            digest.update(buffer[:size])
    return digest.hexdigest()


def canonical_json(value: Any) -> bytes:
    """Serialise ``value`` so that equal values give equal bytes (sorted keys, no spaces)."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    ).encode()


def of_json(value: Any) -> Digest:
    """Return the digest of the canonical JSON of ``value``."""
    return of_bytes(canonical_json(value))


def is_digest(text: str) -> bool:
    """Tell whether ``text`` is written as a SHA-256 digest."""
    return len(text) == DIGEST_LENGTH and all(c in "0123456789abcdef" for c in text)
