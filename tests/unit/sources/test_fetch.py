from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.errors import DigestMismatchError, SourceError
from omnibuild.sources.fetch import fetch
from omnibuild.sources.places import Places
from omnibuild.transfer.http import Downloader
from tests.unit.transfer.server import (
    Handler,
    Server,
    broken_after,
    content,
    running,
    status,
    without_ranges,
)

BODY = b"the right bytes " * 50_000
SHA256 = digests.of_bytes(BODY)


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    return tmp_path / "store" / "file"


def run(destination: Path, *places: str, finder: Places | None = None, most: int = 0) -> None:
    downloader = Downloader(connect_timeout=5, read_timeout=5, pause=0.001)
    fetch(
        SHA256,
        places,
        destination,
        downloader=downloader,
        progress=lambda done, total: None,
        finder=finder or Places({"OMNIBUILD_DEBIAN_MIRROR": "http://mirror.invalid"}),
        most=most,
    )


def names(destination: Path) -> list[str]:
    return sorted(path.name for path in destination.parent.iterdir())


def test_the_file_is_whole_readable_and_alone(server: Server, destination: Path) -> None:
    run(destination, server.serve("/a", content(BODY)))
    assert destination.read_bytes() == BODY
    assert destination.stat().st_mode & 0o777 == 0o644
    assert names(destination) == ["file"]


def test_the_next_place_is_tried(server: Server, destination: Path) -> None:
    wrong = server.serve("/wrong", content(BODY + b"!"))
    right = server.serve("/right", content(BODY))
    run(destination, server.url("/absent"), "http://x.invalid/a", wrong, right)
    assert destination.read_bytes() == BODY
    assert names(destination) == ["file"]


def test_every_place_is_listed_with_its_reason(server: Server, destination: Path) -> None:
    with pytest.raises(SourceError) as caught:
        run(destination, server.url("/absent"), "http://x.invalid/a", "debian:main/a", "gopher:x")
    assert type(caught.value) is SourceError
    lines = caught.value.why.splitlines()
    assert [line.partition(": ")[2] != "" for line in lines] == [True] * len(lines)
    assert "HTTP 404" in lines[0]
    assert "DNS" in lines[1]
    assert names(destination) == []


def test_wrong_bytes_are_told_apart_and_leave_nothing(server: Server, destination: Path) -> None:
    wrong = server.serve("/wrong", content(b"wrong"))
    with pytest.raises(DigestMismatchError) as caught:
        run(destination, wrong, server.url("/absent"))
    assert SHA256 in caught.value.why
    assert digests.of_bytes(b"wrong") in caught.value.why
    assert "/wrong" in caught.value.what
    assert names(destination) == []


def test_what_arrived_is_kept_and_continued(server: Server, destination: Path) -> None:
    url = server.serve("/a", broken_after(BODY, 300_000), status(404))
    with pytest.raises(SourceError):
        run(destination, url)
    assert destination.with_name("file.part").read_bytes() == BODY[:300_000]
    server.requests.clear()
    server.serve("/a", content(BODY))
    run(destination, url)
    assert destination.read_bytes() == BODY
    assert server.requests == [("/a", "bytes=300000-")]


def test_a_complete_part_needs_no_network(server: Server, destination: Path) -> None:
    destination.parent.mkdir()
    destination.with_name("file.part").write_bytes(BODY)
    run(destination, server.url("/absent"))
    assert destination.read_bytes() == BODY
    assert server.requests == []


@pytest.mark.parametrize("rubbish", [b"rubbish", BODY + b"too long"])
@pytest.mark.parametrize("answer", [content(BODY), without_ranges(BODY)])
def test_a_foreign_part_costs_no_place(
    server: Server, destination: Path, rubbish: bytes, answer: object
) -> None:
    destination.parent.mkdir()
    destination.with_name("file.part").write_bytes(rubbish)
    run(destination, server.serve("/a", answer))  # type: ignore[arg-type]
    assert destination.read_bytes() == BODY
    assert names(destination) == ["file"]


def test_debian_places_use_each_mirror(server: Server, destination: Path) -> None:
    server.serve("/two/pool/main/z/zlib/zlib_1%2B2.tar.gz", content(BODY))
    finder = Places({"OMNIBUILD_DEBIAN_MIRROR": f"{server.url('/one')} {server.url('/two/')}"})
    run(destination, "debian:main/z/zlib/zlib_1+2.tar.gz", finder=finder)
    assert [path.partition("/pool")[0] for path, _ in server.requests] == ["/one", "/two"]


def endless(handler: Handler) -> None:
    """Send bytes for as long as somebody takes them, and never say how many."""
    handler.send_response(200)
    handler.end_headers()
    with contextlib.suppress(OSError):
        while not handler.server.released.is_set():
            handler.wfile.write(bytes(1 << 16))


def test_a_download_without_end_is_ended_and_nothing_is_kept(
    server: Server, destination: Path, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(BODY * 3)
    places = (
        server.serve("/endless", endless),
        server.serve("/large", content(BODY * 3)),
        (tmp_path / "large").as_uri(),
    )
    for place in places:
        with pytest.raises(SourceError) as caught:
            run(destination, place, most=len(BODY))
        assert caught.value.code == "source-unreachable"
        assert "larger than 0.8 MB" in caught.value.why
        assert "--max-download" in caught.value.hint
        assert names(destination) == []


def test_too_large_at_one_place_is_fetched_from_the_next(server: Server, destination: Path) -> None:
    places = server.serve("/endless", endless), server.serve("/good", content(BODY))
    run(destination, *places, most=len(BODY))
    assert names(destination) == ["file"]
