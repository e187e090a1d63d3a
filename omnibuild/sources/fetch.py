"""Fetching one file by its digest from the first place that has it."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from omnibuild import files
from omnibuild.digests import Digest
from omnibuild.errors import DigestMismatchError, HostError, SourceError
from omnibuild.sources.places import Places
from omnibuild.transfer.http import (
    CHUNK,
    Downloader,
    Progress,
    TooLargeError,
    without_password,
)

PARTIAL_SUFFIX = ".part"


class _VerifiedFile(io.BufferedWriter):
    """A file that is appended to and knows the digest of all it holds."""

    def __init__(self, path: Path) -> None:
        self._sha256 = hashlib.sha256()
        self.size = 0
        if path.exists():
            with path.open("rb") as stream:
                while chunk := stream.read(CHUNK):
                    self._count(chunk)
        super().__init__(io.FileIO(path, "ab"))

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Append ``data``."""
        self._count(data)
        return super().write(data)

    @property
    def digest(self) -> Digest:
        """The digest of the whole content."""
        return self._sha256.hexdigest()

    def _count(self, data: bytes) -> None:
        self._sha256.update(data)
        self.size += len(data)


def fetch(
    sha256: Digest,
    places: Sequence[str],
    destination: Path,
    *,
    downloader: Downloader,
    progress: Progress,
    finder: Places | None = None,
    most: int = 0,
) -> None:
    """Put the file with digest ``sha256`` at ``destination``, whole or not at all.

    What a broken download leaves is kept beside it and continued by the next call. Two calls for
    one destination must not run at the same time.

    Args:
        sha256: the digest that the file must have.
        places: as :meth:`Places.urls` takes them, tried in this order.
        destination: the file's final path.
        downloader: does the work.
        progress: called with the bytes done and in all (0 when unknown).
        finder: knows the machine's mirrors and index; share one where many files are fetched.
        most: bytes that it may have; 0: any number. Nothing of a larger one is kept.

    Raises:
        DigestMismatchError: a place has other bytes, and no place the right ones.
        SourceError: no place delivers; lists each with its reason.
    """
    failures: list[tuple[str, SourceError | HostError]] = []
    with files.storage_errors(destination):
        files.make_directory(destination.parent)
        for place, url in _candidates(places, sha256, downloader, finder or Places(), failures):
            try:
                _download(url, sha256, destination, downloader, progress, most)
            except SourceError as error:
                failures.append((place, error))
            else:
                return
        partial = _partial(destination)
        if partial.exists() and not partial.stat().st_size:
            partial.unlink()
    raise _summary(sha256, failures)


def _partial(destination: Path) -> Path:
    return destination.with_name(destination.name + PARTIAL_SUFFIX)


def _candidates(
    places: Sequence[str],
    sha256: Digest,
    downloader: Downloader,
    finder: Places,
    failures: list[tuple[str, SourceError | HostError]],
) -> Iterator[tuple[str, str]]:
    """Yield each place with each of its URLs; a place without any is a failure."""
    for place in places:
        try:
            urls = finder.urls(place, sha256, downloader)
        except (SourceError, HostError) as error:
            failures.append((place, error))
            continue
        for url in urls:
            shown = without_password(url)
            yield (shown if url == place else f"{place} ({shown})"), url


def _download(
    url: str,
    sha256: Digest,
    destination: Path,
    downloader: Downloader,
    progress: Progress,
    most: int,
) -> None:
    """Download into the partial file; commit it, or delete it when its bytes are wrong."""
    partial = _partial(destination)
    while True:
        with _removed_when_too_large(partial), _VerifiedFile(partial) as stream:
            continued = stream.size > 0
            # A crash may have come between the last byte and the commit.
            if stream.digest != sha256:
                downloader.download(url, stream, progress=progress, offset=stream.size, most=most)
            found = stream.digest
        if found == sha256:
            files.commit_file(partial, destination)
            return
        partial.unlink()
        if not continued:
            raise DigestMismatchError(
                f"{without_password(url)} has other bytes",
                why=f"wrong bytes: expected sha256 {sha256}, got {found}",
            )
        # What was there may have come from elsewhere: this place deserves a fresh start.


@contextlib.contextmanager
def _removed_when_too_large(partial: Path) -> Iterator[None]:
    try:
        yield
    except TooLargeError:
        partial.unlink()
        raise


def _summary(
    sha256: Digest, failures: Sequence[tuple[str, SourceError | HostError]]
) -> SourceError:
    """Return the one error that tells all."""
    why = "\n".join(f"{place}: {error.why or error.what}" for place, error in failures)
    hints = dict.fromkeys(error.hint for _, error in failures if error.hint)
    wrong = [place for place, error in failures if isinstance(error, DigestMismatchError)]
    if wrong:
        return DigestMismatchError(
            f"wrong bytes from {', '.join(wrong)}, and right ones from nowhere",
            why=why,
            hint="the file was replaced there, or the digest in the definition is wrong",
        )
    return SourceError(
        f"no place delivers the file with sha256 {sha256}",
        why=why,
        hint="; ".join(hints) or "add a place that has the file, or try again later",
    )
