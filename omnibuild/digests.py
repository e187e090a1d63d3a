"""SHA-256 digests of bytes, files and canonical JSON; a digest is 64 lower-case hex digits."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

Digest = str

DIGEST_LENGTH = 64

READ_SIZE = 1 << 20


def of_bytes(data: bytes) -> Digest:
    """Return the digest of ``data``."""
    return hashlib.sha256(data).hexdigest()


def of_file(path: Path | str) -> Digest:
    """Return the digest of the file's content; raises ``OSError`` as ``open`` does."""
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as stream:
        # A small file gets a buffer of its size and one byte, which shows that it ends there.
        wanted = min(os.fstat(stream.fileno()).st_size + 1, READ_SIZE)
        while chunk := stream.read(wanted):
            digest.update(chunk)
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
