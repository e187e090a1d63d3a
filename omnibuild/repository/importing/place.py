"""Where a repository of another tool is: a directory, or a web server."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol
from urllib.parse import quote

from omnibuild.errors import RepositoryError, UsageError, Where
from omnibuild.files import make_directory
from omnibuild.regular import open_regular
from omnibuild.transfer.http import Downloader, StatusError, without_password

# As indexes write sizes, and digests of the algorithms that prove something.
SIZE: Final = re.compile(r"[0-9]{1,15}")
HEXADECIMAL: Final = {
    "sha256": re.compile(r"[0-9a-f]{64}"),
    "sha384": re.compile(r"[0-9a-f]{96}"),
    "sha512": re.compile(r"[0-9a-f]{128}"),
}
# Indexes of the largest distributions have some 50 MB.
LARGEST_INDEX: Final = 1 << 28
_LONGEST_NAME: Final = 200
_MISSING: Final = (404, 403, 410)
_FOREIGN: Final = re.compile(r"[^0-9A-Za-z.+~_-]+")


@dataclass(frozen=True)
class Listed:
    """A package file that an index lists.

    Args:
        path: below the place.
        size: in bytes.
        digest: as ``sha256:…``, in hexadecimal; empty where no index says one.
        channel: where it shall be.
        component: that of apt, where it has one.
    """

    path: str
    size: int
    digest: str
    channel: str
    component: str = ""


class Place(Protocol):
    """Files of another tool's repository by their path; nothing is ever written there."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    def read(self, path: str) -> bytes:
        """Return the content of an index; empty when there is none."""

    def fetch(self, listed: Listed) -> Path:
        """Return a package as a file of this machine, compared with what its index says.

        Raises :class:`RepositoryError` when it is another, and an error of transfers.
        """


def checked_path(path: str, name: str) -> str:
    """Return a path of an index; raises :class:`RepositoryError` for one that leads elsewhere."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise RepositoryError(f"an index lists a file outside: {path!r}", where=Where(name))
    return str(PurePosixPath(path))


@dataclass(frozen=True)
class Directory:
    """A directory of this machine."""

    root: Path

    @property
    def name(self) -> str:
        """What to call it."""
        return str(self.root)

    def read(self, path: str) -> bytes:
        """Return the content of an index; empty when there is none."""
        try:
            with open_regular(self.root / path) as stream:
                content = stream.read(LARGEST_INDEX + 1)
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except OSError as error:
            raise _unreadable("an index", self.root / path, error) from error
        return _bounded(content, f"{self.name}/{path}")

    def fetch(self, listed: Listed) -> Path:
        """Return a package where it lies."""
        path = self.root / listed.path
        if listed.digest:
            try:
                with open_regular(path) as stream:
                    _compare(stream, listed, path.stat().st_size, str(path))
            except OSError as error:
                raise _unreadable("a package that an index lists", path, error) from error
        return path

    def files(self, below: str = "") -> Iterator[Path]:
        """Yield all that is no directory, sorted in each, however deep; links are not followed."""
        waiting = [self.root / below] if (self.root / below).is_dir() else []
        while waiting:
            directory = waiting.pop()
            try:
                with os.scandir(directory) as items:
                    entries = sorted(items, key=lambda item: item.name)
            except OSError as error:
                raise _unreadable("a directory", directory, error) from error
            waiting += [Path(e.path) for e in reversed(entries) if e.is_dir(follow_symlinks=False)]
            yield from (Path(e.path) for e in entries if not e.is_dir(follow_symlinks=False))


@dataclass(frozen=True)
class Web:
    """A web server.

    Args:
        url: where the repository begins, without a slash at the end.
        store: where packages go on this machine; what is there is not fetched again.
    """

    url: str
    store: Path
    downloader: Downloader = field(default_factory=Downloader)

    @property
    def name(self) -> str:
        """What to call it."""
        return without_password(self.url)

    def read(self, path: str) -> bytes:
        """Return the content of an index; empty when there is none."""
        stream = io.BytesIO()
        try:
            self.downloader.download(
                f"{self.url}/{path}", stream, progress=_unseen, most=LARGEST_INDEX
            )
        except StatusError as error:
            if error.status in _MISSING:
                return b""
            raise
        return stream.getvalue()

    def fetch(self, listed: Listed) -> Path:
        """Download a package; what arrived of it once is not fetched again."""
        name = _FOREIGN.sub("_", listed.path.rpartition("/")[2])[-_LONGEST_NAME:]
        path = self.store / listed.digest.rpartition(":")[2][:16] / name
        make_directory(path.parent)
        url = f"{self.url}/{quote(listed.path)}"
        with path.open("ab") as stream:
            if stream.tell() > listed.size:
                stream.truncate(0)
                stream.seek(0)
            offset = stream.tell()
            if offset < listed.size:
                self.downloader.download(
                    url, stream, progress=_unseen, offset=offset, most=listed.size
                )
        try:
            with path.open("rb") as content:
                _compare(content, listed, path.stat().st_size, url)
        except RepositoryError:
            # It is of no use for the next time either.
            path.unlink()
            raise
        return path


def open_place(place: str, store: Path) -> Place:
    """Return where another tool's repository is; raises :class:`UsageError` where none can be."""
    if re.match("https?://", place):
        return Web(place.rstrip("/"), store)
    root = Path(place)
    if not root.is_dir():
        raise UsageError(
            f"{place} is no directory of this machine",
            hint="name the directory that hosts read, or its address: https://…",
        )
    # What aptly keeps for itself lies beside what it publishes.
    published = root / "public"
    return Directory(published if (published / "dists").is_dir() else root)


def _compare(stream: IO[bytes], listed: Listed, size: int, place: str) -> None:
    kind, _, expected = listed.digest.partition(":")
    digest = hashlib.new(kind)
    while block := stream.read(1 << 20):
        digest.update(block)
    if size != listed.size or digest.hexdigest() != expected:
        raise RepositoryError(
            "a package is not what its index says",
            where=Where(without_password(place)),
            why=f"expected {expected}, {listed.size} bytes\n"
            f"found    {digest.hexdigest()}, {size} bytes",
        )


def _unreadable(what: str, path: Path, error: OSError) -> RepositoryError:
    return RepositoryError(f"{what} cannot be read", where=Where(str(path)), why=str(error))


def _bounded(content: bytes, place: str) -> bytes:
    if len(content) > LARGEST_INDEX:
        raise RepositoryError("an index is far too large", where=Where(place))
    return content


def _unseen(done: int, total: int) -> None:
    """Take note of nothing."""
