"""What servers say of a file: its type, and for how long caches may keep it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from omnibuild.repository import layout

_FOR_EVER: Final = "public, max-age=31536000, immutable"
# Caches ask each time: files of one state may be of different ages otherwise.
_ASKED: Final = "no-cache"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".sh": "text/x-shellscript; charset=utf-8",
    ".deb": "application/vnd.debian.binary-package",
    ".udeb": "application/vnd.debian.binary-package",
    ".rpm": "application/x-rpm",
    ".gz": "application/gzip",
    ".xz": "application/x-xz",
    ".zst": "application/zstd",
    ".xml": "application/xml",
    ".asc": "application/pgp-signature",
    ".gpg": "application/octet-stream",
    ".sha256": "text/plain; charset=utf-8",
    ".list": "text/plain; charset=utf-8",
}
_TEXTS: Final = ("Release", "InRelease", "mirrorlist")


def headers_of(path: str) -> Mapping[str, str]:
    """Return the headers of a file, by the names that S3's clients have for them."""
    name = path.rpartition("/")[2]
    suffix = f".{name.rpartition('.')[2]}"
    plain = "text/plain; charset=utf-8" if name in _TEXTS else "application/octet-stream"
    return {
        "ContentType": _TYPES.get(suffix, plain),
        "CacheControl": _FOR_EVER if layout.is_immutable(path) else _ASKED,
    }
