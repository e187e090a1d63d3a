"""Places that have a file: URLs, Debian's archive, the Python package index.

Which mirror and which index are those of the machine: no host is built in.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from urllib.parse import quote

from omnibuild.digests import Digest
from omnibuild.errors import DigestMismatchError, HostError, MissingToolError, SourceError
from omnibuild.sources.python.index import unreachable
from omnibuild.sources.python.indexes import Index
from omnibuild.sources.python.machine import Machine, machine_indexes
from omnibuild.sources.python.simple import IndexFile, page_of, read_page
from omnibuild.tools import Tool
from omnibuild.transfer.credentials import without_login
from omnibuild.transfer.http import Downloader, StatusError, failure, without_password

APT_GET = Tool("apt-get", package="apt")

DEBIAN, INDEX = "debian:", "index:"


class Places:
    """Finds the URLs of places; what the machine answers is asked once per object.

    Args:
        environment: where ``OMNIBUILD_DEBIAN_MIRROR`` (one or more base URLs, separated by
            blanks), ``OMNIBUILD_INDEX_URL``, ``PIP_INDEX_URL`` and those of uv are looked up.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._environment = environment
        self._lock = threading.Lock()
        self._mirrors: tuple[str, ...] = ()
        self._machine: Machine | None = None
        self._projects: dict[str, dict[str, IndexFile]] = {}

    def urls(self, place: str, sha256: Digest, downloader: Downloader) -> tuple[str, ...]:
        """Return where the file with digest ``sha256`` can be downloaded.

        Args:
            place: a URL; ``debian:PATH`` for a file below the Debian mirror's ``pool/``; or
                ``index:NAME/FILENAME`` for a file of a project in the Python package index, with
                ``@INDEX=URL`` behind it in another one, which may have no name.
            sha256: the file's digest; an index that lists another is believed.
            downloader: for questions to the index.
        """
        if place.startswith(DEBIAN):
            path = quote(place.removeprefix(DEBIAN))
            return tuple(f"{base}pool/{path}" for base in self.debian_mirrors())
        if place.startswith(INDEX):
            place, _, elsewhere = place.removeprefix(INDEX).partition("@")
            name, _, filename = place.partition("/")
            called, _, index = elsewhere.partition("=")
            # Who to be there may stand in the environment's own word for it.
            same = (each for each in self.machine().more if without_login(each.url) == index)
            known = next(same, Index(index or self.index_url(), called))
            downloader.credentials.learn(known.url, called or known.name)
            index = index or known.url
            return (self._index_file(index, name, filename, sha256, downloader),)
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
        return self.machine().index

    def machine(self) -> Machine:
        """Return the indexes that this machine names."""
        with self._lock:
            if not self._machine:
                self._machine = machine_indexes(self._environment)
            return self._machine

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

    def _index_file(
        self, index: str, name: str, filename: str, sha256: Digest, downloader: Downloader
    ) -> str:
        """Return the URL of a file of an index, after a look at the digest listed there."""
        page = page_of(index, name)
        with self._lock:
            files = self._projects.get(page)
        if files is None:
            try:
                files = read_page(page, downloader)
            except StatusError:
                raise
            except SourceError as error:
                machine = self.machine()
                origin = machine.origin if index == machine.index else "the lock"
                raise unreachable(index, origin, error) from error
            with self._lock:
                self._projects[page] = files
        if filename not in files:
            raise failure(page, f"the index lists no file {filename!r} there")
        listed = files[filename].sha256 or sha256
        if listed != sha256:
            raise DigestMismatchError(
                f"{without_password(page)} lists other bytes as {filename}",
                why=f"expected {sha256}, listed {listed}",
            )
        return files[filename].url


def _directory(url: str) -> str:
    """Return ``url`` with one slash at its end, as joining needs it."""
    return url.rstrip("/") + "/"
