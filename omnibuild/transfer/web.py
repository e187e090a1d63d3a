"""Objects behind any web server, which can only be read."""

from __future__ import annotations

import http
from typing import IO, TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from omnibuild.errors import SourceError
from omnibuild.transfer.http import Downloader, Progress, StatusError, without_password
from omnibuild.transfer.objects import MissingObjectError, RefusedError, TransferError

if TYPE_CHECKING:
    from pathlib import Path

MISSING = (http.HTTPStatus.NOT_FOUND, http.HTTPStatus.GONE)
REFUSED = (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN)


class WebObjects:
    """Objects below ``url``, an ``http:`` or ``https:`` URL.

    Args:
        url: may hold a user's name and password, and a query that every request repeats.
        downloader: does the work; an own one if omitted.
    """

    def __init__(self, url: str, downloader: Downloader | None = None) -> None:
        self._parts = urlsplit(url)
        self.writable = False
        self._downloader = downloader or Downloader()
        # A query may be a token.
        self.place = without_password(urlunsplit(self._parts._replace(query="", fragment="")))

    def get(self, name: str, stream: IO[bytes], *, offset: int = 0, progress: Progress) -> None:
        """Append an object's content to ``stream``; as :meth:`ObjectStore.get`."""
        path = f"{self._parts.path.rstrip('/')}/{name}"
        url = urlunsplit(self._parts._replace(path=path, fragment=""))
        try:
            self._downloader.download(url, stream, progress=progress, offset=offset)
        except StatusError as error:
            kind = MissingObjectError if error.status in MISSING else TransferError
            raise (RefusedError if error.status in REFUSED else kind)(error.why) from error
        except SourceError as error:
            raise TransferError(error.why.replace(url, self.place)) from error

    def put(self, name: str, source: Path | bytes) -> None:
        """Refuse: a plain web server takes nothing."""
        raise RefusedError("a web server can only be read")

    def exists(self, name: str) -> bool:
        """Refuse: nothing can be put."""
        raise RefusedError("a web server can only be read")
