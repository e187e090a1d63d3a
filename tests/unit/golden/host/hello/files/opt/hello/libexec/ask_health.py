"""Asks an app whether all is well, where its recipe says that it tells.

This module is a program of hosts. It needs nothing but the standard library.

    ask_health APP URL SECONDS

It ends with 0 when the answer is 200, and with 1 when it is another one after so many SECONDS; with
3 when nobody is there, as where the operator has stopped it or lets it answer elsewhere.
"""

from __future__ import annotations

import http.client
import ssl
import sys
import time
from urllib.parse import urlsplit

WELL = 200
# Seconds for one answer, and between two questions.
PATIENCE, PAUSE = 5, 0.5


def ask(url: str) -> tuple[int, str]:
    """Return the status of an answer, and what it is called."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = http.client.HTTPConnection(host, parts.port, timeout=PATIENCE)
    if parts.scheme == "https":
        # It is this host, whatever name its certificate is for.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(
            host, parts.port, timeout=PATIENCE, context=context
        )
    try:
        connection.request("GET", url.partition(parts.netloc)[2] or "/")
        answer = connection.getresponse()
        return answer.status, answer.reason
    finally:
        connection.close()


def main(app: str, url: str, seconds: str) -> int:
    """Ask until all is well, or time is over."""
    until = time.monotonic() + float(seconds)
    while True:
        try:
            status, said = ask(url)
            told = f"answers {status} {said}"
        except ConnectionRefusedError:
            return 3
        except (OSError, http.client.HTTPException) as error:
            status, told = 0, f"does not answer: {error}"
        if status == WELL:
            return 0
        if time.monotonic() >= until:
            sys.stderr.write(f"{app}: {url} {told}\n")
            return 1
        time.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
