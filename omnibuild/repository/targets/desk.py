"""The small files of a repository's state in a bucket: one object, read and written by one request.

It also says who shows the repository to readers. It is replaced only while it is what was read, so
that many may write at the same time; what each wants changed is done again to what is there then.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import zstandard
from msgspec import Struct

from omnibuild.errors import RepositoryError, Where
from omnibuild.repository import layout
from omnibuild.repository.state.damage import UNREADABLE
from omnibuild.repository.targets.headers import headers_of
from omnibuild.transfer.bucket import Bucket, ChangedObjectError
from omnibuild.transfer.objects import MissingObjectError, TransferError

# What is larger is an object of its own, in bytes.
SMALL: Final = 32 << 10
# When all together is larger than that, what never changes gets objects of its own.
FULL: Final = 128 << 10
# Nothing of ours comes near; what claims more is not ours.
_LARGEST: Final = 1 << 28
# Before there was a desk, each was an object.
_EARLIER: Final = (layout.HEAD, layout.SHOWN, layout.CATALOGUED)
# These are nowhere else.
OWN: Final = (*_EARLIER, layout.LISTED, layout.SEEN)
# Lists of files that packages bring are fetched with the packages, if at all.
_ELSEWHERE: Final = ("state/contents/", layout.DESK)


class Kept(Struct, frozen=True, array_like=True):
    """A file, and when it was written, in seconds since 1970."""

    written: float
    data: bytes


class Sheet(Struct, frozen=True):
    """What is on the desk.

    Args:
        files: by their paths.
        holder: who shows the repository to readers; empty: nobody.
        beat: another one whenever that one says that it lives.
    """

    files: Mapping[str, Kept] = {}
    holder: str = ""
    beat: int = 0


Edit = Callable[[Sheet], Sheet | None]


@dataclass
class Desk:
    """The small files, as they were read, with what is to be written of them.

    Raises :class:`TransferError`, or :class:`RepositoryError` for what cannot be read.
    """

    objects: Bucket
    # What is to be written next; nothing for what shall be gone.
    changes: dict[str, Kept | None] = field(default_factory=dict)
    # Whether nobody has made use yet of what was read last.
    fresh: bool = False
    _sheet: Sheet | None = None
    _tag: str = ""
    # Objects of before there was a desk, to be removed when there is one.
    _before: list[str] = field(default_factory=list)
    _turn: threading.RLock = field(default_factory=threading.RLock)

    @property
    def sheet(self) -> Sheet:
        """What was read or written last."""
        return self._sheet or self.refresh()

    def refresh(self) -> Sheet:
        """Read what is there now."""
        with self._turn:
            try:
                data, self._tag = self.objects.read(layout.DESK)
                self._sheet = _decoded(data, self.objects.place)
            except MissingObjectError:
                self._sheet, self._tag = self._earlier(), ""
            self.fresh = True
            return self._sheet

    def get(self, path: str) -> bytes | None:
        """Return a file; nothing when it is not here."""
        kept = self.changes[path] if path in self.changes else self.sheet.files.get(path)
        return kept.data if kept else None

    def below(self, directory: str) -> Mapping[str, Kept]:
        """Return the files of a directory, by their paths."""
        if not f"{directory}/".startswith(f"{layout.STATE}/"):
            return {}
        files = {**self.sheet.files, **self.changes}
        return {p: kept for p, kept in files.items() if kept and p.startswith(f"{directory}/")}

    def put(self, path: str, data: bytes) -> bool:
        """Have a file here when the desk is written next; tell whether it may be here."""
        if path in OWN or len(data) <= SMALL:
            self.changes[path] = Kept(time.time(), data)
            return True
        self.drop(path)
        return False

    def drop(self, path: str) -> bool:
        """Have a file here no more; tell whether it was, and so is nowhere else."""
        found = self.get(path) is not None
        if found:
            self.changes[path] = None
        return found or path in OWN

    def give_up(self, below: tuple[str, ...]) -> None:
        """Have some files not written that were to be."""
        self.changes = {p: kept for p, kept in self.changes.items() if not p.startswith(below)}

    def write(self, edit: Edit) -> bool:
        """Write what is to be written, with an edit; it is done again while others were faster.

        Args:
            edit: returns nothing for a desk that shall stay as it is.
        """
        with self._turn:
            done = self._write(edit, self.changes)
            if done:
                self.changes.clear()
        return done

    def write_only(self, edit: Edit) -> bool:
        """Write an edit alone: what is to be written else stays that."""
        with self._turn:
            return self._write(edit, {})

    def _write(self, edit: Edit, changes: Mapping[str, Kept | None]) -> bool:
        while (edited := edit(self.sheet)) is not None:
            try:
                self._replace(edited, changes)
            except ChangedObjectError:
                self.refresh()
            else:
                return True
        return False

    def _replace(self, edited: Sheet, changes: Mapping[str, Kept | None]) -> None:
        changed = {**edited.files, **changes}
        files = {path: kept for path, kept in changed.items() if kept}
        sheet = msgspec.structs.replace(edited, files=self._without_much(files))
        data = zstandard.ZstdCompressor(3).compress(msgspec.msgpack.encode(sheet))
        headers = headers_of(layout.DESK)
        self._tag = self.objects.write(
            layout.DESK, data, headers=headers, words={}, before=self._tag
        )
        self._sheet, self.fresh = sheet, False
        if self._before:
            self.objects.delete(self._before)
            self._before.clear()

    def _without_much(self, files: dict[str, Kept]) -> dict[str, Kept]:
        """Return the files without the oldest, which get objects, when they are many."""
        size = sum(len(kept.data) for path, kept in files.items() if path not in OWN)
        if size <= FULL:
            return files
        for path, kept in sorted(files.items(), key=lambda item: item[1].written):
            if size > FULL // 2 and path not in OWN:
                self.objects.write(path, kept.data, headers=headers_of(path), words={})
                size -= len(kept.data)
                del files[path]
        return files

    def _earlier(self) -> Sheet:
        """Return what a repository has that was written before there was a desk."""
        files = {}
        for path in _EARLIER:
            try:
                data, _ = self.objects.read(path)
            except MissingObjectError:
                continue
            files[path] = Kept(0, data)
        self._before = [*files, layout.SHOWING] if files else []
        return Sheet(files)


def carries(path: str) -> bool:
    """Tell whether a file may be on the desk."""
    return path.startswith(f"{layout.STATE}/") and not path.startswith(_ELSEWHERE)


@contextlib.contextmanager
def failures(place: str) -> Iterator[None]:
    """Turn errors of transfers into errors of a repository."""
    try:
        yield
    except ChangedObjectError:
        raise
    except TransferError as error:
        raise RepositoryError(
            "the bucket cannot be used", where=Where(place), why=str(error)
        ) from error


def _decoded(data: bytes, place: str) -> Sheet:
    try:
        plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=_LARGEST)
        return msgspec.msgpack.decode(plain, type=Sheet)
    except (zstandard.ZstdError, *UNREADABLE) as error:
        raise RepositoryError(
            "the repository's own state cannot be read",
            where=Where(f"{place}/{layout.DESK}"),
            why=str(error),
            hint="remove that object; omnibuild repo repair then makes the state again of what"
            " hosts see",
        ) from error
