"""Signing many rpms at once, by several processes: the library holds Python's lock while it signs.

They are forked, so that a secret key that is in memory goes nowhere.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from omnibuild.errors import OmnibuildError
from omnibuild.repository.intake import Submission
from omnibuild.repository.state.entries import Rpm
from omnibuild.repository.yum.incoming import signed_rpm
from omnibuild.signing.signer import Signer

_Signed = tuple[Rpm, Path, bytes]


def signed_together(
    submissions: Sequence[Submission], scratch: Path, signer: Signer
) -> Iterator[_Signed]:
    """Yield, for each package in turn, what :func:`signed_rpm` returns, and the signed file.

    Raises what that raises.
    """
    count = min(len(os.sched_getaffinity(0)), len(submissions))
    context = multiprocessing.get_context("fork")
    with contextlib.ExitStack() as stack:
        readers: list[Connection] = []
        for number in range(count):
            reader, writer = context.Pipe(duplex=False)
            readers.append(stack.enter_context(reader))
            work = (submissions[number::count], scratch, signer, writer, readers)
            process = context.Process(target=_sign, args=work, daemon=True)
            process.start()
            writer.close()
            # They hold the locks that were held when they began: nobody waits for a forgotten one.
            stack.callback(process.join)
            stack.callback(process.kill)
        for number in range(len(submissions)):
            found: _Signed | OmnibuildError = readers[number % count].recv()
            if isinstance(found, OmnibuildError):
                raise found
            yield found


def _sign(
    submissions: Sequence[Submission],
    scratch: Path,
    signer: Signer,
    writer: Connection,
    readers: Sequence[Connection],
) -> None:
    # Whoever began it ends it; if that one was killed, nobody reads.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for reader in readers:
        reader.close()
    for submission in submissions:
        signed = scratch / f"{submission.identity}.rpm"
        found: _Signed | OmnibuildError
        try:
            rpm, shard = signed_rpm(submission, signed, signer)
            found = rpm, signed, shard
        except OmnibuildError as error:
            found = error
        try:
            writer.send(found)
        except BrokenPipeError:
            return
