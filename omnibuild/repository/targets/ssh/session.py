"""One ssh connection, and the requests that go over it.

The far end is a shell that reads ``agent.sh``. It answers in the order in which it was asked, so
that many questions take one round trip; writing is not answered at all, and what fails there ends
the session with its reason. Nobody is prompted: ssh is told so.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import weakref
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import IO, Final

from omnibuild.errors import OmnibuildError
from omnibuild.repository.targets.ssh.address import Address
from omnibuild.repository.targets.ssh.failures import lost, no_shell, refused, unreachable
from omnibuild.tools import Connection, Tool

SSH: Final = Tool("ssh", "openssh-client")
# Who says nothing for so many seconds is dead, as the host takes it: its locks end.
LEASE: Final = 60
# So often a busy publisher says that it lives.
_BEATS: Final = 15.0
# ssh and its host give up at about the same time.
_OPTIONS: Final = {
    "BatchMode": "yes",
    "ClearAllForwardings": "yes",
    "ConnectTimeout": "30",
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "ServerAliveCountMax": "4",
    "ServerAliveInterval": "15",
}
_GREETING: Final = b"omnibuild agent\n"
# What a host's start-up files say before it; more is no greeting.
_NOISE: Final = 1 << 16
# So many seconds are for logging in and for these files; what hangs there would hang for ever.
_GREETING_SECONDS = 120.0
_PIECE: Final = 1 << 18
# Requests that are sent before the first answer is read: pipes hold them.
_AT_ONCE: Final = 64


class Session:
    """A connection to the host of a repository; made by :meth:`open`."""

    def __init__(self, address: Address, connection: Connection, log: IO[bytes]) -> None:
        self.address = address
        # How often an answer was waited for.
        self.trips = 0
        self._connection, self._log = connection, log
        self._requests, self._answers = connection.requests, connection.answers
        self._turn = threading.Lock()
        self._failed = False
        # What the host said before its greeting; nothing is known of it once that came.
        self._noise: bytes | None = b""
        self._waited = 0.0
        self._over = threading.Event()
        self._end = weakref.finalize(self, _end, connection, log, self._over)

    @classmethod
    def open(cls, address: Address) -> Session:
        """Connect; raises :class:`RepositoryError` when that cannot be."""
        script = _script()
        # Every shell that somebody may log in with takes this for the same words.
        command = f"exec sh -c 'eval \"$(dd bs=1 count={len(script)} 2>/dev/null)\"'"
        options = [word for name, value in _OPTIONS.items() for word in ("-o", f"{name}={value}")]
        log = tempfile.TemporaryFile()  # noqa: SIM115 - to the session's end
        connection = SSH.connect(["-T", *options, *address.options, command], errors=log)
        session = cls(address, connection, log)
        with session._guarded(), session._timed():
            session._requests.write(script)
            session._write("root", str(LEASE), address.path)
            session._requests.flush()
            session._greeted()
        threading.Thread(target=_beat, args=(weakref.ref(session),), daemon=True).start()
        return session

    def tell(self, *words: str, data: bytes | None = None) -> None:
        """Have something done, after all that was asked before; nothing is waited for."""
        with self._guarded():
            self._write(*words, data=data)

    def ask(self, *words: str, data: bytes | None = None) -> bytes:
        """Return the line that answers a request."""
        with self._guarded():
            self._write(*words, data=data)
            self._requests.flush()
            self.trips += 1
            return self._line()

    def lines(self) -> Iterator[bytes]:
        """Yield the lines that follow an answer, to the one that ends them."""
        with self._guarded():
            while (line := self._line()) != b".":
                yield line

    def follow(self, size: int, sink: IO[bytes]) -> None:
        """Write the bytes that follow an answer."""
        with self._guarded():
            while size:
                data = self._answers.read(min(size, _PIECE))
                if not data:
                    raise EOFError
                sink.write(data)
                size -= len(data)

    def content(self, size: int) -> bytes:
        """Return the bytes that follow an answer."""
        with self._guarded():
            data = self._answers.read(size)
            if len(data) != size:
                raise EOFError
            return data

    def line(self) -> bytes:
        """Return the next line of an answer."""
        with self._guarded():
            return self._line()

    def ask_all(self, verb: str, paths: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """Yield the line that answers each of many requests; one's bytes are read before the next.

        They take a round trip together.
        """
        for start in range(0, len(paths), _AT_ONCE):
            some = paths[start : start + _AT_ONCE]
            with self._guarded():
                for path in some:
                    self._write(verb, path)
                self._requests.flush()
                self.trips += 1
            for path in some:
                yield path, self.line()

    def finish(self) -> None:
        """Wait until all that was told is done; raises the error that ended it."""
        if not self._failed:
            self.ask("answer")

    @property
    def is_over(self) -> bool:
        """Whether it failed: nothing can be asked any more."""
        return self._failed

    def _write(self, *words: str, data: bytes | None = None) -> None:
        count = () if data is None else (str(len(data)),)
        with self._turn:
            for word in (*words, *count):
                # What is no line of its own would be taken for the next request.
                if any(mark in word for mark in "\n\0"):
                    raise refused(self.address, f"no path: {word!r}")
                self._requests.write(word.encode("utf-8", "surrogateescape") + b"\n")
            if data:
                self._requests.write(data)

    def _greeted(self) -> None:
        noise = b""
        while not (line := self._answers.readline(_NOISE)).endswith(_GREETING):
            self._noise = noise = noise + line
            if line.startswith(b"!"):
                raise refused(self.address, line[1:].decode(errors="replace").strip())
            if not line or len(noise) > _NOISE:
                raise EOFError
        self._noise = None

    @contextlib.contextmanager
    def _timed(self) -> Iterator[None]:
        """Hang up when there is no greeting in time."""

        def hang_up() -> None:
            self._waited = _GREETING_SECONDS
            self._connection.process.kill()

        watch = threading.Timer(_GREETING_SECONDS, hang_up)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def _line(self) -> bytes:
        line = self._answers.readline(_NOISE)
        if line.startswith(b"!"):
            raise refused(self.address, line[1:].decode(errors="replace").strip(), self._said())
        if not line.endswith(b"\n"):
            raise EOFError
        return line[:-1]

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Turn the end of a connection into an error that says why it ended."""
        if self._failed:
            raise lost(self.address, "")
        try:
            yield
        except OmnibuildError:
            self._failed = True
            raise
        except (OSError, EOFError) as error:
            self._failed = True
            raise self._reason() from error

    def _reason(self) -> OmnibuildError:
        """Return why there is no answer: the host said so, or ssh did."""
        with contextlib.suppress(OSError):
            # A request that was cut off is behind what the host said before.
            for line in self._answers:
                if line.startswith(b"!"):
                    return refused(
                        self.address, line[1:].decode(errors="replace").strip(), self._said()
                    )
        said = self._said()
        if self._connection.process.returncode == 255 and not self.trips:
            return unreachable(self.address, said)
        if self._noise is not None:
            noise = self._noise.decode(errors="replace").strip()
            return no_shell(self.address, f"{noise}\n{said}".strip(), self._waited)
        return lost(self.address, said)

    def _said(self) -> str:
        """Return what ssh and the host's tools said, once they ended."""
        self._connection.end(10)
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()


def _beat(reference: weakref.ref[Session]) -> None:
    """Say that the publisher lives, while it does something else than talking."""
    while True:
        session = reference()
        if session is None or session.is_over:
            return
        over = session._over
        # What is wrong is told to whoever asks next.
        with contextlib.suppress(OSError, ValueError), session._turn:
            session._requests.write(b"beat\n")
            session._requests.flush()
        del session
        if over.wait(_BEATS):
            return


def _end(connection: Connection, log: IO[bytes], over: threading.Event) -> None:
    over.set()
    connection.end(5)
    connection.answers.close()
    log.close()


def _script() -> bytes:
    return resources.files(__package__).joinpath("agent.sh").read_bytes()
