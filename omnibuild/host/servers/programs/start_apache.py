"""Starts Apache httpd on the socket that is descriptor 3, and tells when the app serves.

This module is a program of hosts: it is installed in ``libexec``, runs with the packaged
interpreter, beside the app's own mod_wsgi. httpd tells nobody when its app is there,
and TERM would have it drop what it was asked.

    start_apache PROCESSES COMMAND...

PROCESSES is how many of the app's there are; the command is httpd's. It ends with 78 when that
cannot read its configuration: no other start would mend it.
"""

from __future__ import annotations

import glob
import importlib.util
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from types import FrameType

SOCKET = 3
# As sysexits.h has it.
CONFIGURATION = 78
READY = b"+"
# For how long the import of an app may take; seconds.
START = 120
# Where journals are, there is nothing that httpd could open by a path.
RELAY = "/bin/cat"
RELAYS: list[subprocess.Popen[bytes]] = []


def relay(target: int) -> int:
    """Return a pipe that httpd can open by its path; what is written to it goes on to a file."""
    out, into = os.pipe()
    # It ends with the last one who writes to it.
    RELAYS.append(subprocess.Popen([RELAY], stdin=out, stdout=target, start_new_session=True))
    os.close(out)
    return into


def module() -> str:
    """Return httpd's module: its name tells the interpreter and the machine that it is for."""
    found = importlib.util.find_spec("mod_wsgi")
    places = found.submodule_search_locations if found else None
    for place in places or ():
        for path in glob.glob(f"{glob.escape(place)}/server/mod_wsgi-py*.so"):
            return path
    sys.exit("mod_wsgi has no module for httpd")


def all_ready(said: int, number: int) -> bool:
    """Wait for the app's processes; tell whether all of them serve."""
    until = time.monotonic() + START
    for _ in range(number):
        # Who dies before it is there says nothing.
        heard, _, _ = select.select([said], [], [], max(0, until - time.monotonic()))
        if not heard or os.read(said, 1) != READY:
            return False
    return True


def is_broken(command: Sequence[str], variables: Mapping[str, str]) -> bool:
    """Tell whether httpd cannot read its configuration; why, it has said when it started."""
    test = [*command, "-t"]
    silent = subprocess.DEVNULL
    done = subprocess.run(
        test, env=variables, pass_fds=(SOCKET,), stdout=silent, stderr=silent, check=False
    )
    return done.returncode != 0


def main(processes: str, *command: str) -> int:
    """Serve until told otherwise."""
    if not processes.isdecimal() or not int(processes):
        sys.exit(f"WEB_CONCURRENCY is no number of processes: {processes}")
    server: subprocess.Popen[bytes] | None = None
    serves = stops = False

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal stops
        stops = True
        if server:
            # By WINCH it answers what it was asked.
            server.send_signal(signal.SIGWINCH if serves else signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    said, ready = os.pipe()
    out, error = relay(1), relay(2)
    variables = {
        "HTTPD_READY": str(ready),
        "HTTPD_OUT": f"/proc/self/fd/{out}",
        "HTTPD_ERR": f"/proc/self/fd/{error}",
        "HTTPD_NUMBER": str(os.getpid()),
        "HTTPD_WSGI": module(),
    }
    root = ["-DROOT"] if os.geteuid() == 0 else []
    passed = (SOCKET, ready, out, error)
    command, variables = (*command, *root), os.environ | variables
    server = subprocess.Popen(command, env=variables, pass_fds=passed, start_new_session=True)
    for one in passed:
        os.close(one)
    serves = not stops and all_ready(said, int(processes))
    if serves:
        os.kill(os.getppid(), signal.SIGRTMIN)
        if stops:
            server.send_signal(signal.SIGWINCH)
    else:
        server.terminate()
    code = server.wait()
    if not serves and not stops and is_broken(command, variables):
        return CONFIGURATION
    return code if serves or stops else code or 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
