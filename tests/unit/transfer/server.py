"""A web server on the loopback that behaves as badly as a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each path by its list of answers, one a request; the last one stays."""

    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range", "")))
        answers = self.server.answers.get(self.path)
        if answers is None:
            self.send_error(404)
            return
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(self)

    def log_message(self, *arguments: object) -> None:
        """Stay silent."""

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        headers.setdefault("Content_Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """The server with what it was asked and what it shall answer."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.requests: list[tuple[str, str]] = []
        self.answers: dict[str, list[Answer]] = {}
        self.released = threading.Event()

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"

    def serve(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return self.url(path)


@contextmanager
def running(port: int = 0) -> Iterator[Server]:
    server = Server(port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


def content(body: bytes) -> Answer:
    """Serve ``body`` as a good server does, with ranges."""

    def answer(handler: Handler) -> None:
        asked = handler.headers.get("Range")
        if not asked:
            handler.reply(200, body)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(body):
            handler.reply(416, b"", Content_Range=f"bytes */{len(body)}")
            return
        handler.reply(206, body[start:], Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")

    return answer


def without_ranges(body: bytes) -> Answer:
    """Serve all of ``body``, whatever range is asked for."""
    return lambda handler: handler.reply(200, body)


def broken_after(body: bytes, length: int) -> Answer:
    """Promise ``body``, send ``length`` bytes of it, and close the connection."""
    return lambda handler: handler.reply(200, body[:length], Content_Length=str(len(body)))


def status(code: int, **headers: str) -> Answer:
    """Answer with a bare status."""
    return lambda handler: handler.reply(code, b"no", **headers)


def silence(handler: Handler) -> None:
    """Accept the request and say nothing until the test is over."""
    handler.server.released.wait()
