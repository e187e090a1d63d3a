"""Indexes of others, unpacked within bounds, whatever they are compressed with."""

from __future__ import annotations

import bz2
import io
from typing import Final

from omnibuild.errors import PackageError, RepositoryError, Where
from omnibuild.package.decompression import decompressed

# Unpacked, in bytes: what the largest distributions have is a third of it.
LARGEST: Final = 1 << 30
# By the end of a name, the best first.
FORMS: Final = (".xz", ".gz", ".zst", ".bz2", "")


def unpacked(data: bytes, name: str, place: str) -> bytes:
    """Return what is in an index called so; raises :class:`RepositoryError` for damage."""
    suffix = f".{name.rpartition('.')[2]}"
    if suffix == ".bz2":
        return _bz2(data, place)
    if suffix not in FORMS:
        return data
    found = io.BytesIO()
    try:
        for piece in decompressed(io.BytesIO(data), name):
            if found.tell() + len(piece) > LARGEST:
                raise _damaged(place, "it unpacks to far too much")
            found.write(piece)
    except PackageError as error:
        raise _damaged(place, error.why or error.what) from error
    return found.getvalue()


def _bz2(data: bytes, place: str) -> bytes:
    decompressor = bz2.BZ2Decompressor()
    try:
        found = decompressor.decompress(data, LARGEST + 1)
    except (OSError, EOFError) as error:
        raise _damaged(place, str(error)) from error
    if len(found) > LARGEST or not decompressor.eof:
        raise _damaged(place, "it is cut off, or unpacks to far too much")
    return found


def _damaged(place: str, why: str) -> RepositoryError:
    return RepositoryError("an index cannot be unpacked", where=Where(place), why=why)
