"""A terminal of its own for a program that the caller's must not be given to.

Whoever has a terminal open can type on it (ioctl TIOCSTI), also behind somebody's back and after
leaving. So a program that is not trusted gets a new one, or pipes where there is none, and bytes
are carried between the two. No file of the caller's is handed on either: its owner, which a
sandbox's user 0 is, could change its mode.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import tty
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

CHUNK = 1 << 16

# What ends this program ends the other one, too; the caller's terminal is put right before.
ENDINGS = (signal.SIGTERM, signal.SIGHUP)

# What is read where, and written where.
Carried = dict[int, int]

# Starts the program; takes its streams.
Start = Callable[..., subprocess.Popen[bytes]]


def converse(
    command: Sequence[str], environment: Mapping[str, str], pass_fds: Sequence[int] = ()
) -> int:
    """Run a program for the user to work with, apart from this terminal; return its status.

    What is typed goes to the program, also keys that interrupt; so does the size of the window.
    """

    def start(**streams: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=dict(environment),
            pass_fds=tuple(pass_fds),
            start_new_session=True,
            bufsize=0,
            text=False,
            **streams,
        )

    with contextlib.ExitStack() as stack:
        process, carried = (_on_a_terminal if os.isatty(0) else _through_pipes)(start, stack)
        stack.enter_context(process)
        stack.callback(process.kill)
        ended = stack.enter_context(_ending(process))
        _carry(process, carried)
        status = process.wait()
        return 128 + ended[0] if ended else status


def _on_a_terminal(
    start: Start, stack: contextlib.ExitStack
) -> tuple[subprocess.Popen[bytes], Carried]:
    main, terminal = pty.openpty()
    stack.callback(os.close, main)
    process = start(
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(terminal)
    old = signal.signal(signal.SIGWINCH, lambda *_: _copy_size(main))
    stack.callback(signal.signal, signal.SIGWINCH, old)
    _copy_size(main)
    kept = termios.tcgetattr(0)
    stack.callback(termios.tcsetattr, 0, termios.TCSADRAIN, kept)
    tty.setraw(0, termios.TCSADRAIN)
    os.set_blocking(main, False)
    return process, {0: main, main: 1}


def _through_pipes(
    start: Start, _stack: contextlib.ExitStack
) -> tuple[subprocess.Popen[bytes], Carried]:
    pipe = subprocess.PIPE
    process = start(stdin=pipe, stdout=pipe, stderr=pipe)
    stdin, stdout, stderr = (
        stream.fileno() for stream in (process.stdin, process.stdout, process.stderr) if stream
    )
    os.set_blocking(stdin, False)
    return process, {0: stdin, stdout: 1, stderr: 2}


def _copy_size(main: int) -> None:
    size = fcntl.ioctl(0, termios.TIOCGWINSZ, bytes(struct.calcsize("HHHH")))
    fcntl.ioctl(main, termios.TIOCSWINSZ, size)


@contextlib.contextmanager
def _ending(process: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Yield where the signal is noted that ended the program because it was to end this one."""
    ended: list[int] = []

    def end(number: int, _: object) -> None:
        ended.append(number)
        process.kill()

    before = {number: signal.signal(number, end) for number in ENDINGS}
    try:
        yield ended
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _carry(process: subprocess.Popen[bytes], carried: Carried) -> None:
    """Carry bytes until the program has closed all that it writes to."""
    open_sources = dict(carried)
    program = carried[0]
    # Typed, and not taken by the program yet: until it is, no more is read.
    typed = b""
    while open_sources.keys() - {0}:
        sources = [source for source in open_sources if source or not typed]
        readable, writable, _ = select.select(sources, [program] if typed else [], [])
        if writable:
            typed = typed[_write(program, typed) :]
        for source in readable:
            data = _read(source)
            if not source and data:
                typed = data
            elif data:
                _write_all(open_sources[source], data)
            else:
                del open_sources[source]
                if not source and process.stdin:
                    process.stdin.close()


def _read(source: int) -> bytes:
    try:
        return os.read(source, CHUNK)
    except OSError:
        # A terminal that nobody has open any more is an error to read.
        return b""


def _write(sink: int, data: bytes) -> int:
    """Return how much of ``data`` is done with."""
    try:
        return os.write(sink, data)
    except BlockingIOError:
        return 0
    except OSError:
        # The program reads no more.
        return len(data)


def _write_all(sink: int, data: bytes) -> None:
    while data:
        data = data[os.write(sink, data) :]
