"""Download over HTTP, with retries, resumption and one kind of error.

Nothing here verifies what arrives: whoever downloads knows the digest.
"""

from __future__ import annotations

import contextlib
import http
import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from omnibuild.errors import SourceError
from omnibuild.patterns import regex
from omnibuild.regular import open_regular
from omnibuild.transfer.credentials import LOGIN_HINT, Credentials
from omnibuild.transfer.reasons import innermost, why_dead, why_final
from omnibuild.transfer.redirects import get, new_session

if TYPE_CHECKING:
    import requests

Progress = Callable[[int, int], None]

CHUNK = 1 << 18
ATTEMPTS = 5
LONGEST_PAUSE = 30.0
REACH_SECONDS = 10.0

_LOGIN_STATUSES = (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN)
_NUMBER = regex(r"[0-9]{1,18}")
TRANSIENT_STATUSES = (http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS)


class _Transient(Exception):  # noqa: N818 - it never leaves this module
    """Something that another attempt may cure; says its reason, and how long to wait at least."""

    def __init__(self, reason: str, pause: float = 0) -> None:
        super().__init__(reason)
        self.pause = pause


class TooLargeError(SourceError):
    """The file is larger than it may be."""


class StatusError(SourceError):
    """The server answers, and not with the file: ``status`` is the answer's number."""

    status = 0


@dataclass
class _State:
    """How far one download has come, and how far it may."""

    url: str
    position: int
    total: int = 0
    most: int = 0

    def check(self, size: int) -> None:
        """Raise :class:`TooLargeError` if so many bytes are more than there may be."""
        if self.most and size > self.most:
            raise TooLargeError(
                f"cannot download {without_password(self.url)}",
                why=f"it is larger than {self.most / 1e6:g} MB",
                hint="if it is meant to be, allow more with --max-download",
            )


class Downloader:
    """Downloads files; any number of threads may share one.

    A host that does not exist or does not answer is remembered: further files from it fail at
    once instead of waiting for the same silence again.

    Args:
        connect_timeout: seconds until a silent host counts as dead.
        read_timeout: seconds without a byte until the connection counts as broken.
        pause: seconds before the second attempt; it doubles with each further one.
        credentials: who to be to which server.
    """

    def __init__(
        self,
        *,
        connect_timeout: float = 10,
        read_timeout: float = 60,
        pause: float = 0.5,
        credentials: Credentials | None = None,
    ) -> None:
        self.credentials = credentials or Credentials()
        self._timeouts = (connect_timeout, read_timeout)
        self._pause = pause
        self._dead: dict[str, str] = {}
        self._local = threading.local()

    def download(
        self,
        url: str,
        stream: IO[bytes],
        *,
        progress: Progress,
        offset: int = 0,
        accept: str = "*/*",
        most: int = 0,
    ) -> None:
        """Append the content of ``url`` to ``stream``.

        Args:
            url: an ``https:``, ``http:`` or ``file:`` URL.
            stream: only ever written to, so a broken download leaves what had arrived.
            progress: called with the bytes done and in all (0 when unknown).
            offset: how many bytes of the content are in ``stream`` already. When there are no
                more than those, nothing is written.
            accept: the media type to ask for.
            most: how many bytes the content may have; 0: any number.

        Raises :class:`SourceError`, whose ``why`` is the reason in words; when there is more
        than ``most``, :class:`TooLargeError`.
        """
        try:
            parts = urlsplit(url)
        except ValueError as error:
            raise SourceError(f"cannot download {url!r}", why=f"not a URL: {error}") from error
        if parts.scheme == "file":
            chunks = _read_file(parts, offset)
            _copy(chunks, stream, progress, _State(url, offset, _file_size(parts), most))
        elif parts.scheme in ("http", "https") and parts.netloc:
            self._download_http(url, stream, progress, _State(url, offset, 0, most), accept)
        else:
            raise failure(url, "not an https, http or file URL")

    def reach(self, url: str) -> None:
        """Ask for ``url`` once and take nothing: whatever its server answers, it is there.

        Raises :class:`SourceError`, whose ``why`` is the reason in words.
        """
        brief = Downloader(connect_timeout=REACH_SECONDS, read_timeout=REACH_SECONDS)
        brief.credentials = self.credentials
        try:
            brief._request(url, 0, "*/*").close()
        except _Transient as error:
            raise failure(url, str(error)) from error

    def _download_http(
        self, url: str, stream: IO[bytes], progress: Progress, state: _State, accept: str
    ) -> None:
        attempt = 0
        while True:
            before = state.position
            try:
                # Closed here, not whenever somebody collects what an error holds.
                with contextlib.closing(self._body(url, state, accept)) as chunks:
                    _copy(chunks, stream, progress, state)
                return
            except _Transient as error:
                # Whoever moves forward, however slowly, gets on in the end.
                attempt = 1 if state.position > before else attempt + 1
                if attempt >= ATTEMPTS:
                    raise failure(url, f"{error}, after {ATTEMPTS} attempts") from error
                pause = max(self._pause * 2 ** (attempt - 1), error.pause)
            time.sleep(min(pause, LONGEST_PAUSE))

    def _body(self, url: str, state: _State, accept: str) -> Generator[bytes]:
        """Yield what follows ``state.position``, from one request."""
        with self._request(url, state.position, accept) as response:
            if response.status_code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return
            _check_status(url, response)
            # A server may ignore the range and send all of it again.
            partial = response.status_code == http.HTTPStatus.PARTIAL_CONTENT
            skip = 0 if partial else state.position
            if partial and not _starts_at(response, state.position):
                raise failure(url, "the server sent another range than was asked for")
            length = _number(response.headers.get("Content-Length", ""))
            state.total = state.position - skip + length if length else 0
            received = 0
            for chunk in _raw_chunks(response):
                received += len(chunk)
                yield chunk[skip:]
                skip = max(0, skip - len(chunk))
            if received < length:
                raise _Transient(f"the connection broke after {received} of {length} bytes")

    def _request(self, url: str, position: int, accept: str) -> requests.Response:
        import requests

        host = urlsplit(url).netloc
        if host in self._dead:
            raise failure(url, self._dead[host])
        # A server must not compress on its own: bytes and ranges are those of the file.
        headers = {"Accept": accept, "Accept-Encoding": "identity"}
        if position:
            headers["Range"] = f"bytes={position}-"
        try:
            return get(self._session(), url, headers, self._timeouts, self.credentials)
        except requests.RequestException as error:
            if reason := why_dead(error):
                asked = error.request.url if error.request is not None else None
                self._dead[urlsplit(asked or url).netloc] = reason
                raise failure(url, reason) from error
            if reason := why_final(error):
                raise failure(url, reason) from error
            raise _Transient(innermost(error)) from error

    def _session(self) -> requests.Session:
        """Return the session of the calling thread."""
        if not hasattr(self._local, "session"):
            self._local.session = new_session()
        session: requests.Session = self._local.session
        return session


def failure(url: str, reason: str) -> SourceError:
    """Return the error that says why ``url`` could not be downloaded."""
    return SourceError(f"cannot download {without_password(url)}", why=reason)


def without_password(url: str) -> str:
    """Return ``url`` fit for messages and logs: without a user's name and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        # Not a URL; whoever takes it as one says so.
        return url.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _copy(chunks: Iterator[bytes], stream: IO[bytes], progress: Progress, state: _State) -> None:
    """Write chunks; what ``stream`` raises is no fault of the network and passes through."""
    state.check(state.total)
    for chunk in chunks:
        state.check(max(state.total, state.position + len(chunk)))
        stream.write(chunk)
        state.position += len(chunk)
        progress(state.position, state.total)


def _file_path(parts: SplitResult) -> Path:
    return Path(unquote(parts.path, errors="surrogateescape"))


def _file_size(parts: SplitResult) -> int:
    path = _file_path(parts)
    return path.stat().st_size if path.is_file() else 0


def _read_file(parts: SplitResult, offset: int) -> Iterator[bytes]:
    try:
        with open_regular(_file_path(parts)) as source:
            source.seek(offset)
            while chunk := source.read(CHUNK):
                yield chunk
    except OSError as error:
        raise failure(parts.geturl(), error.strerror or str(error)) from error


def _check_status(url: str, response: requests.Response) -> None:
    """Raise for every answer that does not carry the file."""
    status = response.status_code
    if status in (http.HTTPStatus.OK, http.HTTPStatus.PARTIAL_CONTENT):
        return
    reason = f"HTTP {status} {response.reason or ''}".rstrip()
    if status in TRANSIENT_STATUSES or status >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        raise _Transient(reason, _number(response.headers.get("Retry-After", "")))
    hint = LOGIN_HINT if status in _LOGIN_STATUSES else ""
    error = StatusError(f"cannot download {without_password(url)}", why=reason, hint=hint)
    error.status = status
    raise error


def _raw_chunks(response: requests.Response) -> Iterator[bytes]:
    """Yield the body as it is sent, without any decoding."""
    from urllib3.exceptions import HTTPError

    try:
        while chunk := response.raw.read(CHUNK, decode_content=False):
            yield chunk
    except (HTTPError, OSError) as error:
        raise _Transient(f"the connection broke: {innermost(error)}") from error


def _number(header: str) -> int:
    """Return a header's value, 0 when it is absent or no number that a size or a time could be."""
    return int(header) if _NUMBER.fullmatch(header) else 0


def _starts_at(response: requests.Response, position: int) -> bool:
    return response.headers.get("Content-Range", "").startswith(f"bytes {position}-")
