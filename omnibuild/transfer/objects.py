"""Object stores: whole files under names, in a directory, behind a web server or in S3."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import IO, TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from omnibuild.digests import Digest
from omnibuild.errors import UsageError
from omnibuild.tools import require_library
from omnibuild.transfer.http import Progress, without_password

if TYPE_CHECKING:
    from omnibuild.transfer.s3 import S3Objects

B = TypeVar("B", bound="S3Objects")

CONTENT_TYPE = "application/octet-stream"
S3_OPTIONS = frozenset({"endpoint", "region"})


class TransferError(Exception):
    """The object store cannot be used, after all attempts that made sense; says why in words."""


class MissingObjectError(TransferError):
    """The object store works, and has no object of that name."""


class RefusedError(TransferError):
    """The object store works, and does not allow this."""


class ObjectStore(Protocol):
    """Where objects are kept by name; any number of threads may share one.

    Names are relative POSIX paths of plain characters. All methods raise :class:`TransferError`
    and its kinds when the store fails; what ``stream`` or a local file raises passes through.

    Attributes:
        place: what to call the store in messages; holds no password.
        writable: whether the protocol can write at all.

    Example:
        >>> objects = open_objects("s3://cache/team?region=eu-west-1")  # doctest: +SKIP
        >>> objects.put("blobs/greeting", b"hello")  # doctest: +SKIP
    """

    place: str
    writable: bool

    def get(self, name: str, stream: IO[bytes], *, offset: int = 0, progress: Progress) -> None:
        """Append an object's content to ``stream``.

        Args:
            name: the object's name.
            stream: only ever written to, so a broken transfer leaves what had arrived.
            offset: how many bytes of the content are in ``stream`` already.
            progress: called with the bytes done and in all (0 when unknown).
        """

    def put(self, name: str, source: Path | bytes) -> None:
        """Store a file or bytes, whole or not at all, in place of what had the name before."""

    def exists(self, name: str) -> bool:
        """Tell whether there is an object of that name; asked before putting one."""


def open_objects(url: str) -> ObjectStore:
    """Return the object store at ``url``; nothing is connected or loaded yet.

    Args:
        url: a directory (``/path``, ``file:///path``), a web server to read from
            (``https://host/path``), or S3 (``s3://bucket/prefix?endpoint=https://host&region=r``).

    Raises :class:`UsageError` for anything else, :class:`MissingExtraError` without the library.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _unusable("the URL is malformed") from error
    if parts.scheme in ("", "file") and not parts.netloc:
        return _directory(unquote(parts.path, errors="surrogateescape") if parts.scheme else url)
    if parts.scheme in ("http", "https") and parts.hostname:
        from omnibuild.transfer.web import WebObjects

        return WebObjects(url)
    if parts.scheme == "s3" and parts.netloc:
        from omnibuild.transfer.s3 import S3Objects

        return open_bucket(url, S3Objects)
    raise _unusable(f"{without_password(url)} is no place for objects")


def open_bucket(url: str, kind: type[B]) -> B:
    """Return the objects at an ``s3://`` URL, as :func:`open_objects` does, as of that kind."""
    require_library("boto3", "s3")
    try:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
    except ValueError as error:
        raise _unusable("the URL is malformed") from error
    if not parts.netloc:
        raise _unusable("the URL names no bucket")
    if parts.fragment or url.endswith("#"):
        raise _unusable("an s3 URL ends before a #")
    if "@" in parts.netloc or "@" in options.get("endpoint", ""):
        raise UsageError(
            "an s3 URL holds no credentials",
            hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
        )
    if unknown := sorted(options.keys() - S3_OPTIONS):
        raise UsageError(
            f"an s3 URL has no option {unknown[0]!r}",
            hint="the options are endpoint and region",
        )
    endpoint, region = options.get("endpoint", ""), options.get("region", "")
    return kind(parts.netloc, parts.path.strip("/"), endpoint=endpoint, region=region)


def _directory(path: str) -> ObjectStore:
    from omnibuild.transfer.directory import DirectoryObjects

    if not path.startswith("/"):
        raise _unusable(f"{path!r} is no absolute path")
    return DirectoryObjects(Path(path))


def _unusable(what: str) -> UsageError:
    return UsageError(
        what, hint="give /path, https://host/path or s3://bucket/prefix?endpoint=…&region=…"
    )


def read_object(objects: ObjectStore, name: str, limit: int) -> bytes:
    """Return the content of a small object.

    Raises :class:`TransferError` and its kinds, and ``ValueError`` beyond ``limit`` bytes.
    """
    stream = _Bounded(limit)
    objects.get(name, stream, progress=_unseen)
    return stream.getvalue()


class Hashed(io.BytesIO):
    """A stream that keeps nothing of what is written to it but the digest."""

    def __init__(self) -> None:
        super().__init__()
        self._hash = hashlib.sha256()

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take ``data`` into account."""
        self._hash.update(data)
        return len(data)

    @property
    def digest(self) -> Digest:
        """The digest of all that was written so far."""
        return self._hash.hexdigest()


class _Bounded(io.BytesIO):
    """Bytes in memory, up to a limit."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit = limit

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Append ``data``."""
        if self.tell() + len(data) > self._limit:
            raise ValueError(f"it has more than {self._limit} bytes")
        return super().write(data)


def _unseen(done: int, total: int) -> None:
    """Take note of nothing."""
