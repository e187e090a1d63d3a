"""What an index has of a project: its page of the simple API (PEP 691 in JSON, PEP 503 in HTML)."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from omnibuild.errors import SourceError
from omnibuild.transfer.http import Downloader, without_password

# Bytes of what the index says about a project; the longest known has thirty million.
LARGEST_PAGE = 200_000_000

MEDIA_TYPE = "application/vnd.pypi.simple.v1+json"
# Of two that an index has it sends the first.
_ACCEPTED = f"{MEDIA_TYPE}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"


@dataclass(frozen=True)
class IndexFile:
    """A file that an index lists.

    Args:
        name: of the file.
        url: where it is.
        sha256: empty where the index lists no such digest.
        requires_python: versions of Python that it is for; empty: all.
        yanked: nobody is to take it who did not name its version.
    """

    name: str
    url: str
    sha256: str
    requires_python: str = ""
    yanked: bool = False


def page_of(index: str, project: str) -> str:
    """Return the URL of a project's page."""
    from packaging.utils import canonicalize_name  # most plans fetch nothing

    return urljoin(index, f"{canonicalize_name(project)}/")


def read_page(page: str, downloader: Downloader) -> dict[str, IndexFile]:
    """Return the files of a project by name, as the index answers."""
    body = io.BytesIO()
    downloader.download(page, body, progress=_ignore, accept=_ACCEPTED, most=LARGEST_PAGE)
    try:
        files = [_index_file(page, each) for each in _parsed(body.getvalue())["files"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SourceError(
            f"cannot read {without_password(page)}",
            why="the index answers neither in JSON (PEP 691) nor in HTML (PEP 503)",
        ) from error
    return {file.name: file for file in files}


def _parsed(body: bytes) -> Mapping[str, Any]:
    if body.lstrip()[:1] == b"<":
        from mousebender.simple import from_project_details_html

        return from_project_details_html(body.decode(), "")
    answer: Mapping[str, Any] = json.loads(body)
    return answer


def _index_file(page: str, entry: Mapping[str, Any]) -> IndexFile:
    name, url, hashes = entry["filename"], entry["url"], entry["hashes"]
    sha256 = hashes.get("sha256", "") if isinstance(hashes, dict) else None
    python = entry.get("requires-python") or ""
    if not all(isinstance(each, str) for each in (name, url, sha256, python)):
        raise TypeError("not text")
    return IndexFile(name, urljoin(page, url), str(sha256), python, bool(entry.get("yanked")))


def _ignore(done: int, total: int) -> None:
    """Take no notice of progress."""
