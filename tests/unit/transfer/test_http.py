from __future__ import annotations

import io
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild.errors import SourceError
from omnibuild.transfer import http
from omnibuild.transfer.http import Downloader, without_password

from .server import Handler, Server, broken_after, content, running, silence, status, without_ranges

BODY = bytes(range(256)) * 4000


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def downloader() -> Downloader:
    return Downloader(connect_timeout=5, read_timeout=5, pause=0.001)


def get(downloader: Downloader, url: str, offset: int = 0) -> bytes:
    stream = io.BytesIO()
    downloader.download(url, stream, progress=lambda done, total: None, offset=offset)
    return stream.getvalue()


def reason(downloader: Downloader, url: str) -> str:
    with pytest.raises(SourceError) as caught:
        get(downloader, url)
    return caught.value.why


def test_a_file_arrives_whole_and_progress_reaches_the_total(
    server: Server, downloader: Downloader
) -> None:
    seen: list[tuple[int, int]] = []
    stream = io.BytesIO()
    url = server.serve("/a", content(BODY))
    downloader.download(url, stream, progress=lambda *step: seen.append(step))
    assert stream.getvalue() == BODY
    assert seen[-1] == (len(BODY), len(BODY))
    assert seen == sorted(seen)


def test_a_broken_body_is_continued_where_it_broke(server: Server, downloader: Downloader) -> None:
    url = server.serve("/a", broken_after(BODY, 300_000), content(BODY))
    assert get(downloader, url) == BODY
    assert [asked for _, asked in server.requests] == ["", "bytes=300000-"]


@pytest.mark.parametrize("number", ["9" * 5000, "٣", "-1", "1e3"])
def test_headers_that_are_no_number_say_nothing(
    server: Server, downloader: Downloader, number: str
) -> None:
    value = number.encode().decode("latin-1")
    busy = server.serve("/busy", lambda h: h.reply(503, b"", Retry_After=value))
    assert "HTTP 503" in reason(downloader, busy)
    url = server.serve("/a", lambda h: h.reply(200, BODY, Content_Length=value))
    try:
        assert get(downloader, url) == BODY
    except SourceError:
        assert number == "9" * 5000  # so much does not come


def test_a_server_without_ranges_sends_all_again_and_no_byte_is_written_twice(
    server: Server, downloader: Downloader
) -> None:
    url = server.serve("/a", broken_after(BODY, 300_000), without_ranges(BODY))
    assert get(downloader, url) == BODY


def test_a_body_that_keeps_breaking_gets_through_as_long_as_it_moves(
    server: Server, downloader: Downloader
) -> None:
    url = server.serve(
        "/a", *(broken_after(BODY, n * 100_000) for n in range(1, 10)), without_ranges(BODY)
    )
    assert get(downloader, url) == BODY


def test_a_body_that_breaks_at_once_every_time_fails(
    server: Server, downloader: Downloader
) -> None:
    url = server.serve("/a", broken_after(BODY, 0))
    assert "5 attempts" in reason(downloader, url)
    assert len(server.requests) == 5


def test_an_offset_asks_only_for_the_rest(server: Server, downloader: Downloader) -> None:
    url = server.serve("/a", content(BODY))
    assert get(downloader, url, offset=1000) == BODY[1000:]
    assert get(downloader, url, offset=len(BODY)) == b""


def test_another_range_than_asked_for_is_refused(server: Server, downloader: Downloader) -> None:
    url = server.serve("/a", status(206, Content_Range="bytes 0-1/2"))
    with pytest.raises(SourceError):
        get(downloader, url, offset=7)


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_passing_troubles_are_retried(server: Server, downloader: Downloader, code: int) -> None:
    url = server.serve("/a", status(code), status(code), content(BODY))
    assert get(downloader, url) == BODY


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_final_answers_are_not_retried(server: Server, downloader: Downloader, code: int) -> None:
    url = server.serve("/a", status(code))
    assert f"HTTP {code}" in reason(downloader, url)
    assert len(server.requests) == 1


def test_redirects_are_followed_but_not_in_circles(server: Server, downloader: Downloader) -> None:
    server.serve("/a", content(BODY))
    url = server.serve("/moved", status(302, Location="/a"))
    assert get(downloader, url) == BODY
    circle = server.serve("/circle", status(302, Location="/circle"))
    assert "circle" in reason(downloader, circle)


@pytest.mark.parametrize("place", ["http://[", "http://[::1/", "//[x]/", "http://\xb2.example/"])
def test_redirects_to_no_url_are_told(server: Server, downloader: Downloader, place: str) -> None:
    url = server.serve("/moved", status(302, Location=place))
    assert reason(downloader, url)


def test_what_a_redirect_says_besides_is_not_awaited(
    server: Server, downloader: Downloader
) -> None:
    def promising(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "/a")
        handler.end_headers()
        handler.server.released.wait()

    server.serve("/a", content(BODY))
    assert get(downloader, server.serve("/moved", promising)) == BODY


def test_a_compressed_file_stays_compressed(server: Server, downloader: Downloader) -> None:
    url = server.serve("/a", lambda handler: handler.reply(200, BODY, Content_Encoding="gzip"))
    assert get(downloader, url) == BODY


def test_silence_ends_in_a_timeout(server: Server) -> None:
    url = server.serve("/a", silence)
    hasty = Downloader(read_timeout=0.05, pause=0.001)
    assert "timeout" in reason(hasty, url)


def test_a_dead_port_is_asked_once_and_remembered(downloader: Downloader) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    assert "refuses" in reason(downloader, f"http://127.0.0.1:{port}/a")
    with running(port) as late:
        url = late.serve("/b", content(BODY))
        assert "refuses" in reason(downloader, url)
        assert late.requests == []
        assert get(Downloader(), url) == BODY


def test_a_dead_host_fails_for_all_threads(downloader: Downloader) -> None:
    reasons: list[str] = []
    threads = [
        threading.Thread(target=lambda: reasons.append(reason(downloader, "http://x.invalid/a")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reasons) == 4
    assert all("DNS" in text for text in reasons)


def test_threads_share_a_downloader(server: Server, downloader: Downloader) -> None:
    bodies = {f"/{n}": BODY[n:] for n in range(8)}
    urls = {path: server.serve(path, content(body)) for path, body in bodies.items()}
    got: dict[str, bytes] = {}

    def fetch(path: str) -> None:
        got[path] = get(downloader, urls[path])

    threads = [threading.Thread(target=fetch, args=(path,)) for path in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == bodies


def test_file_urls(tmp_path: Path, downloader: Downloader) -> None:
    path = tmp_path / "with space"
    path.write_bytes(BODY)
    assert get(downloader, path.as_uri()) == BODY
    assert get(downloader, path.as_uri(), offset=5) == BODY[5:]
    assert "No such file" in reason(downloader, (tmp_path / "absent").as_uri())


@pytest.mark.parametrize("url", ["ftp://host/a", "no url", "https:///a", "http://[::1/a"])
def test_other_addresses_are_refused(downloader: Downloader, url: str) -> None:
    with pytest.raises(SourceError):
        get(downloader, url)


def test_what_the_stream_raises_passes_through(server: Server, downloader: Downloader) -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    url = server.serve("/a", content(BODY))
    with pytest.raises(OSError, match="No space") as caught:
        downloader.download(url, Full(), progress=lambda done, total: None)
    assert not isinstance(caught.value, SourceError)


def test_passwords_are_not_shown(server: Server, downloader: Downloader) -> None:
    url = server.url("/absent").replace("http://", "http://user:secret@")
    with pytest.raises(SourceError) as caught:
        get(downloader, url)
    assert "secret" not in str(caught.value)
    assert without_password("https://u:p@h:1/x?y#z") == "https://h:1/x?y#z"
    assert without_password("http://u:p@[::1/x") == "[::1/x"


def test_whoever_answers_is_reached(server: Server, downloader: Downloader) -> None:
    downloader.reach(server.serve("/a", status(503)))
    downloader.reach(server.url("/nothing"))
    # Of what it would send nothing is waited for.
    downloader.reach(server.serve("/b", broken_after(BODY, 1000)))
    assert len(server.requests) == 3


def test_who_is_silent_is_not_waited_for_long(
    server: Server, downloader: Downloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "REACH_SECONDS", 0.1)
    with pytest.raises(SourceError) as caught:
        downloader.reach(server.serve("/a", silence))
    assert "in time" in caught.value.why
    assert len(server.requests) == 1
    with pytest.raises(SourceError) as caught:
        downloader.reach("http://127.0.0.1:9/")
    assert caught.value.why == "the host refuses the connection"


def test_nobody_imports_a_part_of_requests() -> None:
    """Threads that begin with the whole and with a part of it get it unfinished."""
    package = Path(http.__file__).parent.parent
    part = re.compile(r"^\s*(?:from|import)\s+requests\.", re.MULTILINE)
    found = [str(path) for path in package.rglob("*.py") if part.search(path.read_text())]
    assert found == []
