"""A client that asks a server again and again, and counts what is not answered.

As a program: ``polling.py PORT PATH FLAG`` asks until the file FLAG is gone, by new connections
and by one that is kept alive, and prints what it counted.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.acceptance.hosts.machine import Host
from tests.acceptance.hosts.outcome import eventually

ANSWERED = 200
# A client that is kept waiting is served, on a busy machine, too; one that is refused is not.
PATIENCE = 60
PAUSE = 0.005


@dataclass
class Counted:
    """What a client met: answers, and why others did not come."""

    answers: int = 0
    failures: list[str] = field(default_factory=list)


def ask(connection: http.client.HTTPConnection, path: str) -> None:
    """Ask once; raises when there is no answer or a bad one."""
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != ANSWERED:
        raise OSError(f"status {answer.status}")


def poll(port: int, path: str, flag: Path, *, keep_alive: bool) -> Counted:
    """Ask until ``flag`` is gone."""
    counted = Counted()
    connection: http.client.HTTPConnection | None = None
    while flag.exists():
        # Often enough to meet every gap, and the server has time left for what it is put to.
        time.sleep(PAUSE)
        reused = connection is not None
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            ask(connection, path)
            counted.answers += 1
        except (ConnectionError, http.client.RemoteDisconnected) as error:
            # A kept connection that the server ended: every client asks again by a new one.
            if not reused:
                counted.failures.append(repr(error))
            connection.close()
            connection = None
            continue
        except (OSError, http.client.HTTPException) as error:
            counted.failures.append(repr(error))
            connection.close()
            connection = None
            continue
        if not keep_alive:
            connection.close()
            connection = None
    return counted


@contextlib.contextmanager
def polled(host: Host, port: int, path: str, flag: Path) -> Iterator[Future[list[Counted]]]:
    """Ask a server of the host during the block; the counts are there after it."""
    flag.touch()

    def run() -> list[Counted]:
        done = host.on_network(sys.executable, "-m", __name__, str(port), path, flag)
        return [Counted(**one) for one in json.loads(done.stdout)]

    with ThreadPoolExecutor(1) as pool:
        counts = pool.submit(run)
        try:
            eventually(
                lambda: flag.read_text() == "asking" or counts.done(), "the client is served"
            )
            yield counts
        finally:
            flag.unlink()


def main() -> None:
    """Poll in both ways at once."""
    port, path, flag = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    counts: list[Counted] = []

    def count(keep_alive: bool) -> None:
        counts.append(poll(port, path, flag, keep_alive=keep_alive))

    threads = [threading.Thread(target=count, args=(way,)) for way in (False, True)]
    flag.write_text("asking")
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(json.dumps([vars(one) for one in counts]))  # noqa: T201


if __name__ == "__main__":
    main()
