"""Runs several processes of a server on one socket, and replaces them when told by HUP.

This module is a program of hosts, for servers that are one process by themselves. It needs nothing
but the standard library. Each process inherits the socket, which is descriptor 3; clients wait in
its queue until one of them is free.

    prefork NUMBER SECONDS COMMAND...

A process tells by the signal SIGRTMIN that it serves. It ends when told by TERM, and has SECONDS
for what it was asked. One that has served and dies is replaced. One that dies before keeps a reload
from being made, or ends all, so that whoever started them knows: by its own status, where that is
the one for what no other start would mend.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import dataclass, field

HEARD = (signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGRTMIN)
READY = (signal.SIGRTMIN,)
# As sysexits.h has it, for a configuration that cannot be read.
CONFIGURATION = 78
# What a process has beyond the time for its requests, to end by itself.
MORE = 5


@dataclass
class Processes:
    """The processes of a server, by their numbers.

    Args:
        number: how many shall serve.
        seconds: for how long one may go on when it is told to end.
        command: what each of them runs.
        starting: those that have not served yet.
        serving: those that serve.
        old: those that serve until others do, as a reload wants it.
        ending: those that were told to end, and when they have to.
    """

    number: int
    seconds: int
    command: tuple[str, ...]
    starting: set[int] = field(default_factory=set)
    serving: set[int] = field(default_factory=set)
    old: set[int] = field(default_factory=set)
    ending: dict[int, float] = field(default_factory=dict)

    def fill(self) -> None:
        """Start those that are missing."""
        while len(self.starting) + len(self.serving) < self.number:
            pid = os.posix_spawn(
                self.command[0],
                self.command,
                os.environ,
                # What this program blocks, or was told to ignore, is its own affair.
                setsigmask=(),
                setsigdef=HEARD,
            )
            self.starting.add(pid)

    def replace(self) -> None:
        """Begin a reload, or begin it again."""
        self.end(self.starting)
        self.old |= self.serving
        self.serving.clear()

    def is_ready(self, pid: int) -> None:
        """Take note of one that serves; with the last one the old ones can go."""
        if pid in self.starting:
            self.starting.discard(pid)
            self.serving.add(pid)
        if not self.starting:
            self.end(self.old)

    def end(self, pids: set[int]) -> None:
        """Tell some to end."""
        until = time.monotonic() + self.seconds + MORE
        for pid in pids:
            os.kill(pid, signal.SIGTERM)
            self.ending[pid] = until
        pids.clear()

    def end_all(self) -> None:
        """Tell all to end."""
        for pids in (self.starting, self.serving, self.old):
            self.end(pids)

    def kill_late(self) -> None:
        """Kill those that have not ended in time."""
        for pid, until in self.ending.items():
            if time.monotonic() > until:
                os.kill(pid, signal.SIGKILL)

    @property
    def running(self) -> set[int]:
        """All of them."""
        return {*self.starting, *self.serving, *self.old, *self.ending}

    def reap(self) -> int:
        """Take note of those that have ended; return the status if that ends the server."""
        failed = 0
        while self.running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            failed = max(failed, self._has_ended(pid, os.waitstatus_to_exitcode(status)))
        return failed

    def _has_ended(self, pid: int, code: int) -> int:
        if self.ending.pop(pid, None) is not None:
            return 0
        sys.stderr.write(f"server process {pid} ended by itself: {code}\n")
        never_served = pid in self.starting
        for pids in (self.starting, self.serving, self.old):
            pids.discard(pid)
        if not never_served:
            return 0
        if self.old:
            sys.stderr.write("nothing is reloaded: the old processes serve on\n")
            self.end(self.starting)
            self.end(self.serving)
            self.serving, self.old = self.old, set()
            return 0
        return CONFIGURATION if code == CONFIGURATION else 1


def serve(processes: Processes) -> int:
    """Keep processes until told otherwise; returns the exit status."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
    processes.fill()
    stopping, status = False, 0
    while processes.running:
        heard = signal.sigtimedwait(HEARD, 1)
        number = heard.si_signo if heard else 0
        # First of all who serves: signals come in the order of their numbers.
        ready = heard if number == signal.SIGRTMIN else signal.sigtimedwait(READY, 0)
        while ready:
            processes.is_ready(ready.si_pid)
            ready = signal.sigtimedwait(READY, 0)
        if (failed := processes.reap()) and not stopping:
            status = failed
        if not stopping and (status or number in (signal.SIGTERM, signal.SIGINT)):
            stopping = True
            processes.end_all()
        elif not stopping and number == signal.SIGHUP:
            processes.replace()
        processes.kill_late()
        if not stopping:
            processes.fill()
    return status


def main(number: str, seconds: str, *command: str) -> None:
    """Serve by a number of processes."""
    if not number.isdecimal() or not int(number):
        sys.exit(f"WEB_CONCURRENCY is no number of processes: {number}")
    for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"):
        os.environ.pop(name, None)
    sys.exit(serve(Processes(int(number), int(seconds), command)))


if __name__ == "__main__":
    main(*sys.argv[1:])
