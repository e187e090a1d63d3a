"""Objects in S3 that are read, listed, replaced on a condition and deleted: a place to edit."""

from __future__ import annotations

import http
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from omnibuild.transfer.objects import TransferError
from omnibuild.transfer.s3 import S3Objects

# Requests that name as many objects as the protocol allows.
MOST_DELETED = 1000
# What one request may store.
LARGEST_PUT = 5 << 30
_REFUSED = frozenset({http.HTTPStatus.PRECONDITION_FAILED, http.HTTPStatus.CONFLICT})


class ChangedObjectError(TransferError):
    """Somebody else wrote the object first."""


@dataclass(frozen=True)
class Listed:
    """An object in a listing.

    Args:
        name: without the prefix of the store.
        modified: when it was written, by the server's clock.
        size: in bytes.
    """

    name: str
    modified: datetime
    size: int


class Bucket(S3Objects):
    """Objects below a prefix of a bucket, to be edited by many at the same time.

    Conditional writes are S3's own (``If-Match``, ``If-None-Match``).
    """

    def read(self, name: str) -> tuple[bytes, str]:
        """Return an object's content and its tag; raises :class:`MissingObjectError`."""
        with self._failures():
            answer = self._client.get_object(Bucket=self._bucket, Key=self._prefix + name)
            with answer["Body"] as body:
                return body.read(), _said(answer, "ETag")

    def about(self, name: str) -> tuple[Mapping[str, str], datetime]:
        """Return an object's own words and when it was written; as :meth:`read`."""
        with self._failures():
            answer = self._client.head_object(Bucket=self._bucket, Key=self._prefix + name)
        return _said(answer, "Metadata"), _said(answer, "LastModified")

    def write(
        self,
        name: str,
        source: Path | bytes,
        *,
        headers: Mapping[str, str],
        words: Mapping[str, str],
        before: str | None = None,
    ) -> str:
        """Store an object; return its tag, as far as one request stored it.

        Args:
            name: the object's name.
            source: its content, or a file that has it.
            headers: as ``ContentType``, which servers of files repeat.
            words: kept with it.
            before: the tag that it must have so far, empty: it must not exist; else any.

        Raises :class:`ChangedObjectError` when that is not so.
        """
        place = {"Bucket": self._bucket, "Key": self._prefix + name}
        extra = {**headers, "Metadata": dict(words)}
        with self._conditions():
            if isinstance(source, bytes):
                return self._put(source, {**place, **extra, **_condition(before)})
            if source.stat().st_size > LARGEST_PUT:
                # In parts, which the library's own upload knows no conditions for.
                self._client.upload_file(str(source), **place, ExtraArgs=extra)
                return ""
            with source.open("rb") as content:
                return self._put(content, {**place, **extra, **_condition(before)})

    def _put(self, content: bytes | IO[bytes], words: Mapping[str, Any]) -> str:
        return str(_said(self._client.put_object(Body=content, **words), "ETag"))

    def copy(
        self, source: str, name: str, *, headers: Mapping[str, str], words: Mapping[str, str]
    ) -> None:
        """Have an object under another name, or write it again where it is."""
        with self._failures():
            self._client.copy_object(
                Bucket=self._bucket,
                Key=self._prefix + name,
                CopySource={"Bucket": self._bucket, "Key": self._prefix + source},
                MetadataDirective="REPLACE",
                Metadata=dict(words),
                **headers,
            )

    def listed(self, below: str) -> Iterator[Listed]:
        """Yield all objects whose names begin so."""
        with self._failures():
            pages = self._client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._prefix + below):
                for item in page.get("Contents", ()):
                    name = item["Key"].removeprefix(self._prefix)
                    yield Listed(name, item["LastModified"], item["Size"])

    def delete(self, names: Iterable[str]) -> None:
        """Delete objects; one that is not there is deleted already."""
        left = list(names)
        with self._failures():
            while left:
                keys = [{"Key": self._prefix + name} for name in left[:MOST_DELETED]]
                answer = self._client.delete_objects(
                    Bucket=self._bucket, Delete={"Objects": keys, "Quiet": True}
                )
                for error in answer.get("Errors", ()):
                    raise TransferError(f"{error.get('Key')}: {error.get('Message')}")
                del left[:MOST_DELETED]

    @contextmanager
    def _conditions(self) -> Iterator[None]:
        from botocore.exceptions import ClientError

        with self._failures():
            try:
                yield
            except ClientError as error:
                status: Any = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
                if status in _REFUSED:
                    raise ChangedObjectError("somebody else was faster") from error
                raise


def _said(answer: Mapping[str, Any], name: str) -> Any:
    """Return what every object store says: a page for people, as of a proxy, does not."""
    if name not in answer:
        raise TransferError(
            f"its answer has no {name}: is it the endpoint of an object store, and not a web page?"
        )
    return answer[name]


def _condition(before: str | None) -> dict[str, str]:
    if before is None:
        return {}
    return {"IfMatch": before} if before else {"IfNoneMatch": "*"}
