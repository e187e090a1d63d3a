"""The rules that hold for every boundary, and a process of its own for each to break them in."""

from __future__ import annotations

import multiprocessing
import os
import random
import resource
import shutil
import signal
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omnibuild.errors import OmnibuildError
from tests.certification.hostile.mutate import ESCAPE

# Of processors, and of the wall clock: a disk that others use makes anybody wait.
SECONDS, WALL_SECONDS = 20, 180
MEMORY = 3 << 30
SECRET = "the host's own secret: no input may read it"


@dataclass(frozen=True)
class Place:
    """Where one input is tried.

    Args:
        inbox: takes the input.
        outbox: what the product makes goes here; empty again whenever it refused.
        shared: what a boundary prepared once.
        outside: a directory of the host beside them, which nothing may read or change.
    """

    inbox: Path
    outbox: Path
    shared: Path
    outside: Path


@dataclass(frozen=True)
class Boundary:
    """Where data of others comes in.

    Args:
        prepare: makes what all inputs share, in ``place.shared``; its value goes to the others.
        make: writes one input into ``place.inbox``.
        take: gives it to the product and says what that did; raises :class:`OmnibuildError`
            when it refused.
    """

    prepare: Callable[[Place], Any]
    make: Callable[[Place, Any, random.Random], None]
    take: Callable[[Place, Any], str]


def trial(name: str, boundary: Boundary, base: Path, seed: int, count: int) -> Counter[str]:
    """Try ``count`` inputs; return how often each thing happened.

    Raises :class:`AssertionError` with the number of the first input that broke a rule.
    """
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(boundary, base, f"{seed}-{name}", count, sender))
    process.start()
    sender.close()
    try:
        said = receiver.recv()
    except EOFError:
        said = "the process died: it ran out of its memory, or was killed"
    process.join()
    if isinstance(said, str):
        raise AssertionError(f"{name}, seed {seed}: {said}")
    found: Counter[str] = said
    return found


def _run(boundary: Boundary, base: Path, seed: str, count: int, answer: Any) -> None:
    place = Place(*(base / name for name in ("inbox", "outbox", "shared", "outside")))
    for directory in (place.inbox, place.outbox, place.shared, place.outside):
        directory.mkdir(parents=True)
    (place.outside / "secret").write_text(SECRET)
    # Not in the test's own directory: the path of a socket has a hundred characters at most.
    scratch = Path(tempfile.mkdtemp(prefix="hostile-", dir="/tmp"))
    os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
    number = -1
    happened: Counter[str] = Counter()
    try:
        shared = boundary.prepare(place)
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        for number in range(count):
            dice = random.Random(f"{seed}-{number}")  # noqa: S311 - no secret
            happened[_one(boundary, place, shared, dice)] += 1
            _check(place, scratch)
    except BaseException:  # noqa: BLE001 - whatever it was, it is the finding
        answer.send(f"input {number}:\n{traceback.format_exc()[-3000:]}")
    else:
        answer.send(happened)
    finally:
        shutil.rmtree(scratch)


def _one(boundary: Boundary, place: Place, shared: Any, dice: random.Random) -> str:
    empty(place.inbox)
    empty(place.outbox)
    boundary.make(place, shared, dice)
    with _patience():
        try:
            return boundary.take(place, shared)
        except OmnibuildError as error:
            refusal = error
    assert len(str(refusal)) < 20_000, "an error is something to read"
    assert not [*place.outbox.iterdir()], "something half-made is left"
    return refusal.code


def _check(place: Place, scratch: Path) -> None:
    assert [p.name for p in place.outside.iterdir()] == ["secret"], "something got outside"
    assert (place.outside / "secret").read_text() == SECRET, "the outside was changed"
    assert not os.path.lexists(ESCAPE), "something got far outside"
    assert not [*scratch.iterdir()], "a temporary file is left"


@contextmanager
def _patience() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise TimeoutError(f"it took more than {SECONDS} seconds, or waits for something")

    signal.signal(signal.SIGALRM, ring)
    signal.signal(signal.SIGPROF, ring)
    signal.alarm(WALL_SECONDS)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)


def empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def nothing(place: Place) -> None:
    """Prepare nothing."""
