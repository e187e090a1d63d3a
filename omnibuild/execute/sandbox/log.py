"""The log of an action: private, of bounded size, and never in the hands of a step.

Steps write into pipes. Whoever has a file open can change its mode through ``/proc/self/fd``, and
in a sandbox user 0 owns it: a step could leave a program there that runs as root for everybody.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO

from omnibuild import files

# What is left of a log that grew too large; why it failed stands at its end, if anywhere.
KEPT_BYTES = 1 << 20

# Bytes that errors quote from, at most.
READ_AT_MOST = 1 << 16

# Read from a pipe at once, and how often it is asked whether there is still somebody to print.
CHUNK = 1 << 16
ASK_SECONDS = 0.1


class Log:
    """A log that takes what one step prints, after what is there already.

    Args:
        stream: open for appending.
        most: bytes that it may hold; 0: any number.

    Attributes:
        broken: what the step did wrong, if it printed too much.
    """

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self.broken = ""
        self._stream = stream
        self._most = most
        self._start = self._size = stream.seek(0, os.SEEK_END)

    def take(self, chunks: Iterable[bytes], kill: Callable[[], None]) -> None:
        """Write what comes, to its end; call ``kill`` when it is too much, or cannot be written."""
        try:
            for chunk in chunks:
                if not self.broken:
                    self._write(chunk, kill)
        except BaseException:
            _beside(kill)
            raise

    @contextlib.contextmanager
    def piped(self) -> Iterator[IO[bytes]]:
        """Yield a pipe for the outputs of programs that no sandbox holds, as mmdebstrap.

        Who prints too much finds it closed. What programs leave behind is not waited for.
        """
        reading, writing = os.pipe()
        over = threading.Event()
        taker = _Taker(self, reading, over)
        taker.start()
        try:
            with os.fdopen(writing, "wb", buffering=0) as stream:
                yield stream
        finally:
            over.set()
            taker.join()
            if taker.error:
                raise taker.error

    def _write(self, chunk: bytes, kill: Callable[[], None]) -> None:
        if self._most and self._size + len(chunk) > self._most:
            self.broken = f"it printed more than {self._most / 1e6:g} MB"
            _beside(kill)
            self._start = self._size = min(self._size, KEPT_BYTES)
            self._stream.truncate(self._size)
            chunk = f"\n[{self.broken}: the rest was thrown away]\n".encode()
        self._stream.write(chunk)
        self._size += len(chunk)

    def end(self) -> bytes:
        """Return the end of what the step printed: it may be more than fits into memory."""
        start = max(self._start, self._size - READ_AT_MOST)
        return os.pread(self._stream.fileno(), self._size - start, start)


class _Taker(threading.Thread):
    """Takes what comes out of a pipe until it is ``over``, and closes it."""

    def __init__(self, log: Log, reading: int, over: threading.Event) -> None:
        super().__init__(name="log")
        self.error: OSError | None = None
        self._log, self._reading, self._over = log, reading, over

    def run(self) -> None:
        """Take it, and remember what kept the log from being written."""
        try:
            self._log.take(self._chunks(), lambda: None)
        except OSError as error:
            self.error = error
        finally:
            os.close(self._reading)

    def _chunks(self) -> Iterator[bytes]:
        while not self._log.broken:
            # Asked before looking: all that was printed until then is in the pipe.
            over = self._over.is_set()
            ready, _, _ = select.select([self._reading], [], [], 0 if over else ASK_SECONDS)
            if ready:
                chunk = os.read(self._reading, CHUNK)
                if not chunk:
                    return
                yield chunk
            elif over:
                return


def _beside(kill: Callable[[], None]) -> None:
    """Call it in a thread of its own.

    An engine answers when the container has ended, which it has not before all that it printed is
    read: here.
    """
    threading.Thread(target=kill, name="kill", daemon=True).start()


@contextlib.contextmanager
def open_log(path: Path, most: int) -> Iterator[Log]:
    """Open the log at ``path``, which is made if there is none."""
    with files.storage_errors(path):
        files.make_directory(path.parent)
        with open(path, "a+b", buffering=0, opener=files.private) as stream:
            yield Log(stream, most)
