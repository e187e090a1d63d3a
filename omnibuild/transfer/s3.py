"""Objects in S3, or in any store that speaks its protocol.

Credentials come from where every tool for AWS looks: the environment, its configuration files,
the role of the machine. They are never part of a URL or of a command line.
"""

from __future__ import annotations

import http
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

from omnibuild.transfer.http import ATTEMPTS, CHUNK, Progress
from omnibuild.transfer.objects import (
    CONTENT_TYPE,
    MissingObjectError,
    RefusedError,
    TransferError,
)

CONNECT_TIMEOUT = 10
READ_TIMEOUT = 60
# As many connections as threads that may share the client, with those of large uploads.
CONNECTIONS = 32

MISSING = frozenset({"NoSuchKey", "NotFound", "404"})
_ENDLESS = "the server redirects without end: is it the endpoint of an object store?"


class S3Objects:
    """Objects below a prefix of a bucket.

    Args:
        bucket: its name; it must exist.
        prefix: what comes before every object's name, without slashes at its ends.
        endpoint: the server's URL, for stores other than Amazon's.
        region: its region, if the configuration does not say it.
        pause: seconds before the second attempt of a broken download; it doubles each time.
    """

    def __init__(
        self, bucket: str, prefix: str, *, endpoint: str = "", region: str = "", pause: float = 0.5
    ) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._endpoint = endpoint
        self._region = region
        self._pause = pause
        self._guard = threading.Lock()
        self._made: Any = None
        self.writable = True
        self.place = f"s3://{bucket}/{prefix}".rstrip("/")

    def get(self, name: str, stream: IO[bytes], *, offset: int = 0, progress: Progress) -> None:
        """Append an object's content to ``stream``; as :meth:`ObjectStore.get`."""
        attempt, position = 0, offset
        while True:
            before = position
            try:
                for chunk, total in self._body(name, position):
                    stream.write(chunk)
                    position += len(chunk)
                    progress(position, total)
                return
            except _BrokenError as error:
                # Whoever moves forward, however slowly, gets on in the end.
                attempt = 1 if position > before else attempt + 1
                if attempt >= ATTEMPTS:
                    raise TransferError(f"{error}, after {ATTEMPTS} attempts") from error
            time.sleep(self._pause * 2 ** (attempt - 1))

    def put(self, name: str, source: Path | bytes) -> None:
        """Store a file or bytes, large files in parallel parts; as :meth:`ObjectStore.put`."""
        place = {"Bucket": self._bucket, "Key": self._prefix + name}
        if isinstance(source, bytes):
            with self._failures():
                self._client.put_object(**place, Body=source, ContentType=CONTENT_TYPE)
            return
        with source.open("rb") as content, self._failures():
            extra = {"ContentType": CONTENT_TYPE}
            self._client.upload_fileobj(content, **place, ExtraArgs=extra)

    def exists(self, name: str) -> bool:
        """Tell whether there is such an object; as :meth:`ObjectStore.exists`."""
        try:
            with self._failures():
                self._client.head_object(Bucket=self._bucket, Key=self._prefix + name)
        except MissingObjectError:
            return False
        return True

    def _body(self, name: str, position: int) -> Iterator[tuple[bytes, int]]:
        """Yield what follows ``position`` with the size of all, from one request."""
        asked = {"Range": f"bytes={position}-"} if position else {}
        with self._failures():
            try:
                answer = self._client.get_object(
                    Bucket=self._bucket, Key=self._prefix + name, **asked
                )
            except self._client.exceptions.ClientError as error:
                if _status(error) == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return
                raise
        partial = answer["ResponseMetadata"]["HTTPStatusCode"] == http.HTTPStatus.PARTIAL_CONTENT
        if position and not partial:
            raise TransferError("the server sends no ranges")
        total = position + answer["ContentLength"]
        with closing(answer["Body"]) as body:
            while chunk := _read(body):
                yield chunk, total

    @property
    def _client(self) -> Any:
        """The client, made when it is first needed: that reads files and loads a big library."""
        with self._guard:
            if self._made is None:
                self._made = self._make_client()
            return self._made

    def _make_client(self) -> Any:
        import boto3
        from botocore.config import Config

        config = Config(
            connect_timeout=CONNECT_TIMEOUT,
            read_timeout=READ_TIMEOUT,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
            # Most other servers know buckets only as the first part of a path, and not every one
            # knows the checksums that Amazon's adds. The caller verifies digests anyway.
            s3={"addressing_style": "path"} if self._endpoint else {},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        return boto3.session.Session().client(
            "s3",
            endpoint_url=self._endpoint or None,
            region_name=self._region or None,
            config=config,
        )

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn the library's errors into errors of transfers."""
        from boto3.exceptions import Boto3Error
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            details = error.response.get("Error", {})
            code = details.get("Code", "")
            reason = f"{code}: {details.get('Message', '')}".strip(": ")
            if code in MISSING:
                raise MissingObjectError(reason) from error
            refused = _status(error) == http.HTTPStatus.FORBIDDEN
            raise (RefusedError if refused else TransferError)(reason) from error
        except (BotoCoreError, Boto3Error, RecursionError, ValueError) as error:
            # ValueError is what the library says to an endpoint that is no URL. Wherever it is sent
            # it looks for the bucket, as a proxy does, without end.
            endless = "recursion depth" in str(error)
            raise TransferError(_ENDLESS if endless else str(error)) from error


class _BrokenError(Exception):
    """The connection broke in the middle of a body."""


def _read(body: Any) -> bytes:
    from botocore.exceptions import BotoCoreError

    try:
        chunk: bytes = body.read(CHUNK)
    except (BotoCoreError, OSError) as error:
        raise _BrokenError(f"the connection broke: {error}") from error
    return chunk


def _status(error: Any) -> int:
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status
