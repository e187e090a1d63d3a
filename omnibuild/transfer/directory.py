"""Objects in a directory: a network share, a disk that travels, or what a web server serves."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from omnibuild import files
from omnibuild.errors import StorageError
from omnibuild.regular import open_regular
from omnibuild.transfer.http import CHUNK, Progress
from omnibuild.transfer.objects import MissingObjectError, RefusedError, TransferError


class DirectoryObjects:
    """Objects as files below the directory ``root``.

    A root that is missing may be a share that is not mounted: that is a failure of the store, and
    not a missing object. :meth:`put` makes it.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self.writable = True
        self.place = str(root)

    def get(self, name: str, stream: IO[bytes], *, offset: int = 0, progress: Progress) -> None:
        """Append an object's content to ``stream``; as :meth:`ObjectStore.get`."""
        with self._failures():
            source = open_regular(self._root / name)
        with source:
            with self._failures():
                total = source.seek(0, 2)
                source.seek(offset)
            done = offset
            while True:
                with self._failures():
                    chunk = source.read(CHUNK)
                if not chunk:
                    return
                stream.write(chunk)
                done += len(chunk)
                progress(done, total)

    def put(self, name: str, source: Path | bytes) -> None:
        """Store a file or bytes; as :meth:`ObjectStore.put`."""
        try:
            with self._failures(), files.atomic_file(self._root / name) as stream:
                if isinstance(source, bytes):
                    stream.write(source)
                else:
                    with source.open("rb") as content:
                        shutil.copyfileobj(content, stream, CHUNK)
        except StorageError as error:
            refused = isinstance(error.__cause__, PermissionError)
            raise (RefusedError if refused else TransferError)(error.what) from error

    def exists(self, name: str) -> bool:
        """Tell whether there is such an object; as :meth:`ObjectStore.exists`."""
        with self._failures():
            return (self._root / name).is_file()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """Turn what the system says into errors of transfers."""
        try:
            yield
        except FileNotFoundError as error:
            if not self._root.is_dir():
                raise TransferError("there is no such directory") from error
            raise MissingObjectError("there is no such file") from error
        except PermissionError as error:
            raise RefusedError("permission denied") from error
        except OSError as error:
            raise TransferError(error.strerror or str(error)) from error
