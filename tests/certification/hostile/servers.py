"""The boundary of servers: whatever they answer, down to the bytes of the protocol."""

from __future__ import annotations

import gzip
import random
import socketserver
import threading
from dataclasses import dataclass, field

from omnibuild.digests import of_bytes
from omnibuild.errors import OmnibuildError
from omnibuild.sources.fetch import fetch
from omnibuild.sources.python.simple import read_page
from omnibuild.transfer.http import Downloader
from tests.certification.hostile.harness import SECRET, Boundary, Place
from tests.certification.hostile.mutate import NASTY, NUMBERS, damaged
from tests.unit.remote.samples import unseen

FILE = b"the file" * 100
PAGE = b'{"meta": {"api-version": "1.0"}, "name": "app", "files": []}'
STATUSES = (
    *("200 OK",) * 8,
    *("206 Partial Content", "301 Moved", "302 Found", "307 Moved", "401 No", "404 Not Found"),
    *("416 Range", "429 Slow", "503 Busy", "100 Continue", "204 No", "999 x"),
)
HEADERS = (
    *("Content-Length", "Content-Range", "Transfer-Encoding", "Content-Encoding", "Retry-After"),
    *("Location", "Content-Type", "Set-Cookie", "Connection", "WWW-Authenticate", "ETag", "X-Odd"),
)
VALUES = (
    *("identity", "chunked", "gzip", "close", "keep-alive", "bytes 0-1/2", "bytes */0", "0", "-1"),
    *("800", "799", "801", "1e3", "٣", "9" * 4400, "text/html", "Basic realm=x", "a=b; Domain=.x"),
    *("/file", "/elsewhere", "//", "http://", "http://[::1/x", "file:///etc/passwd", "ftp://x/y"),
    *("http://127.0.0.1:1/x", "http://127.0.0.1:99999/x", "javascript:1", "\x7f", "é", "a\tb"),
)


@dataclass
class Answers:
    """A server that says the same to everybody, as often as it is asked."""

    server: socketserver.ThreadingTCPServer
    answer: bytes = b""
    secret: str = ""
    paths: list[bytes] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/file"


def _prepare(place: Place) -> Answers:
    class Handler(socketserver.StreamRequestHandler):
        timeout = 2

        def handle(self) -> None:
            try:
                while (line := self.rfile.readline(1 << 16)) not in (b"", b"\r\n"):
                    answers.paths.append(line)
                self.wfile.write(answers.answer)
            except OSError:
                pass

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    answers = Answers(server, secret=str(place.outside / "secret"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return answers


def _make(place: Place, answers: Answers, dice: random.Random) -> None:
    body = dice.choice((FILE, FILE, FILE, PAGE, b"", gzip.compress(FILE), FILE[:-1], FILE + b"x"))
    headers = [("Content-Length", str(len(body)))]
    for _ in range(dice.choice((0, 1, 1, 2, 3))):
        value = dice.choice((*VALUES, *NASTY, *map(str, NUMBERS), f"file://{answers.secret}"))
        name = dice.choice((*HEADERS * 3, *NASTY))
        headers.insert(dice.randrange(len(headers) + 1), (name, value))
    if not dice.randrange(4):
        del headers[dice.randrange(len(headers))]
    lines = [f"HTTP/1.1 {dice.choice(STATUSES)}", *(f"{name}: {value}" for name, value in headers)]
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    data = head + body
    if not dice.randrange(4):
        data = damaged(data, dice)
    answers.answer = data
    (place.inbox / "kind").write_text(dice.choice(("file", "file", "page")))


def _take(place: Place, answers: Answers) -> str:
    downloader = Downloader(connect_timeout=1, read_timeout=1, pause=0)
    if (place.inbox / "kind").read_text() == "page":
        read_page(answers.url, downloader)
        return "page"
    target = place.outbox / "file"
    try:
        fetch(
            of_bytes(FILE),
            [answers.url],
            target,
            downloader=downloader,
            progress=unseen,
            most=1 << 20,
        )
    except OmnibuildError:
        # What had come is kept on purpose, to go on from there.
        for partial in place.outbox.glob("file*.part"):
            assert SECRET.encode() not in partial.read_bytes()
            partial.unlink()
        raise
    assert target.read_bytes() == FILE
    return "taken"


BOUNDARIES = {"answers of servers": Boundary(_prepare, _make, _take)}
