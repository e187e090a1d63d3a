"""Places that have a file: URLs, Debian's archive, the Python package index.

Which mirror and which index are those of the machine: no host is built in.
"""

from __future__ import annotations

import io
import json
import os
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin

from omnibuild.digests import Digest
from omnibuild.errors import DigestMismatchError, HostError, MissingToolError, SourceError
from omnibuild.tools import Tool
from omnibuild.transfer.http import Downloader, failure, without_password

APT_GET = Tool("apt-get", package="apt")
PYTHON = Tool("python3", package="python3", candidates=(Path(sys.executable),))

# pip alone knows the address of the public index; it is asked rather than copied.
PIP_DEFAULT = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"

INDEX_MEDIA_TYPE = "application/vnd.pypi.simple.v1+json"

DEBIAN, INDEX = "debian:", "index:"


class Places:
    """Finds the URLs of places; what the machine answers is asked once per object.

    Args:
        environment: where ``OMNIBUILD_DEBIAN_MIRROR`` (one or more base URLs, separated by
            blanks), ``OMNIBUILD_INDEX_URL`` and ``PIP_INDEX_URL`` are looked up.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._mirrors: tuple[str, ...] = ()
        self._index = ""
        self._projects: dict[str, dict[str, Any]] = {}

    def urls(self, place: str, sha256: Digest, downloader: Downloader) -> tuple[str, ...]:
        """Return where the file with digest ``sha256`` can be downloaded.

        Args:
            place: a URL; ``debian:PATH`` for a file below the Debian mirror's ``pool/``; or
                ``index:NAME/FILENAME`` for a file of a project in the Python package index.
            sha256: the file's digest; an index that lists another is believed.
            downloader: for questions to the index.
        """
        if place.startswith(DEBIAN):
            path = quote(place.removeprefix(DEBIAN))
            return tuple(f"{base}pool/{path}" for base in self.debian_mirrors())
        if place.startswith(INDEX):
            name, _, filename = place.removeprefix(INDEX).partition("/")
            return (self._index_file(name, filename, sha256, downloader),)
        return (place,)

    def debian_mirrors(self) -> tuple[str, ...]:
        """Return the base URLs of Debian's archive, each with a slash at its end.

        Raises :class:`HostError` when the machine knows none.
        """
        with self._lock:
            if not self._mirrors:
                self._mirrors = self._find_mirrors()
            return self._mirrors

    def index_url(self) -> str:
        """Return the base URL of the Python package index, with a slash at its end."""
        with self._lock:
            if not self._index:
                self._index = _directory(self._find_index())
            return self._index

    def _find_mirrors(self) -> tuple[str, ...]:
        hint = "set OMNIBUILD_DEBIAN_MIRROR to the base URL of a Debian mirror"
        configured = self._environment.get("OMNIBUILD_DEBIAN_MIRROR", "").split()
        if configured:
            return tuple(map(_directory, configured))
        try:
            listed = APT_GET.run("indextargets", "--format", "$(REPO_URI)").stdout.decode()
        except MissingToolError as error:
            raise HostError(
                "no Debian mirror is known: this machine has no apt", hint=hint
            ) from error
        found = [line for line in listed.split() if line.endswith("/debian/")]
        if not found:
            raise HostError("no Debian mirror is known: apt has none configured", hint=hint)
        return tuple(dict.fromkeys(found))

    def _find_index(self) -> str:
        for variable in ("OMNIBUILD_INDEX_URL", "PIP_INDEX_URL"):
            if configured := self._environment.get(variable):
                return configured
        for question in (
            ("-m", "pip", "config", "get", "global.index-url"),
            ("-c", PIP_DEFAULT),
        ):
            answer = PYTHON.run(*question, environment=self._environment, check=False)
            if answer.returncode == 0:
                return answer.stdout.decode().strip()
        raise HostError(
            "no Python package index is known: this Python has no pip",
            hint="set OMNIBUILD_INDEX_URL to the base URL of an index's simple API",
        )

    def _index_file(self, name: str, filename: str, sha256: Digest, downloader: Downloader) -> str:
        """Return the URL of a file of the index, after a look at the digest listed there."""
        from packaging.utils import canonicalize_name

        page = urljoin(self.index_url(), f"{canonicalize_name(name)}/")
        listed = self._project(page, downloader)
        for file in listed["files"]:
            if file["filename"] != filename:
                continue
            digest = file["hashes"].get("sha256", sha256)
            if digest != sha256:
                raise DigestMismatchError(
                    f"{without_password(page)} lists other bytes as {filename}",
                    why=f"expected {sha256}, listed {digest}",
                )
            return urljoin(page, str(file["url"]))
        raise failure(page, f"the index lists no file {filename!r} there")

    def _project(self, page: str, downloader: Downloader) -> dict[str, Any]:
        """Return the index's answer about one project (PEP 691)."""
        with self._lock:
            known = self._projects.get(page)
        if known is not None:
            return known
        body = io.BytesIO()
        downloader.download(page, body, progress=_ignore, accept=INDEX_MEDIA_TYPE)
        try:
            answer: dict[str, Any] = json.loads(body.getvalue())
            well_formed = all(
                isinstance(file[key], kind)
                for file in answer["files"]
                for key, kind in (("filename", str), ("url", str), ("hashes", dict))
            )
        except (ValueError, KeyError, TypeError):
            well_formed = False
        if not well_formed:
            raise SourceError(
                f"cannot read {without_password(page)}",
                why="the index does not answer in JSON as PEP 691 says",
            )
        with self._lock:
            self._projects[page] = answer
        return answer


def _directory(url: str) -> str:
    """Return ``url`` with one slash at its end, as joining needs it."""
    return url.rstrip("/") + "/"


def _ignore(done: int, total: int) -> None:
    """Take no notice of progress."""
