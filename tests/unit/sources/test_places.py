from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from omnibuild.errors import DigestMismatchError, HostError, SourceError
from omnibuild.sources.places import Places
from omnibuild.sources.python.simple import MEDIA_TYPE
from omnibuild.transfer.http import Downloader
from tests.unit.transfer.server import Handler, Server, content, running

SHA256 = "5" * 64


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def downloader() -> Downloader:
    return Downloader(pause=0.001)


def index(server: Server, *listed: dict[str, object], variable: str = "PIP_INDEX_URL") -> Places:
    answer = content(json.dumps({"meta": {"api-version": "1.1"}, "files": listed}).encode())
    server.serve("/simple/web-shop/", answer)
    return Places({variable: server.url("/simple")})


def file(name: str, url: str, sha256: str = SHA256) -> dict[str, object]:
    return {"filename": name, "url": url, "hashes": {"sha256": sha256}}


def test_a_url_is_its_own_place(downloader: Downloader) -> None:
    assert Places({}).urls("https://host/a b", SHA256, downloader) == ("https://host/a b",)


def test_mirrors_of_the_environment_get_one_slash() -> None:
    finder = Places({"OMNIBUILD_DEBIAN_MIRROR": "http://a/debian  http://b//"})
    assert finder.debian_mirrors() == ("http://a/debian/", "http://b/")


@pytest.mark.parametrize("variable", ["OMNIBUILD_INDEX_URL", "PIP_INDEX_URL"])
def test_the_index_names_the_url(server: Server, downloader: Downloader, variable: str) -> None:
    finder = index(
        server,
        file("web_shop-1.whl", "../../files/web_shop-1.whl"),
        file("web_shop-1.tar.gz", "https://files.example/web_shop-1.tar.gz"),
        variable=variable,
    )
    relative = finder.urls("index:Web.Shop/web_shop-1.whl", SHA256, downloader)
    absolute = finder.urls("index:web_shop/web_shop-1.tar.gz", SHA256, downloader)
    assert relative == (server.url("/files/web_shop-1.whl"),)
    assert absolute == ("https://files.example/web_shop-1.tar.gz",)
    assert len(server.requests) == 1, "one question a project"


def test_json_is_asked_for(server: Server, downloader: Downloader) -> None:
    seen: list[str | None] = []

    def answer(handler: Handler) -> None:
        seen.append(handler.headers.get("Accept"))
        handler.reply(200, json.dumps({"files": [file("a", "a")]}).encode())

    finder = index(server)
    server.serve("/simple/web-shop/", answer)
    finder.urls("index:web-shop/a", SHA256, downloader)
    # HTML is as good where there is nothing else.
    (accepted,) = seen
    assert accepted is not None
    assert accepted.startswith(f"{MEDIA_TYPE}, ")
    assert "text/html;q=" in accepted


def test_another_listed_digest_is_believed(server: Server, downloader: Downloader) -> None:
    finder = index(server, file("a", "a", sha256="6" * 64))
    with pytest.raises(DigestMismatchError):
        finder.urls("index:web-shop/a", SHA256, downloader)


def test_a_file_that_is_not_listed(server: Server, downloader: Downloader) -> None:
    with pytest.raises(SourceError, match="web-shop"):
        index(server).urls("index:web-shop/a", SHA256, downloader)


@pytest.mark.parametrize(
    "body", [b"text", b"[]", b"{}", b'{"files": [{}]}', b'{"files": 1}', b'{"files": ["a"]}']
)
def test_an_index_that_speaks_neither_json_nor_html(
    server: Server, downloader: Downloader, body: bytes
) -> None:
    finder = index(server)
    server.serve("/simple/web-shop/", content(body))
    with pytest.raises(SourceError) as caught:
        finder.urls("index:web-shop/a", SHA256, downloader)
    assert "PEP 691" in caught.value.why


@pytest.mark.parametrize("url", ["http://[::1/x", "host/simple", "ftp://host/simple", "http://h:x"])
def test_an_index_whose_address_is_no_url(url: str) -> None:
    with pytest.raises(HostError, match="is not a URL") as caught:
        Places({"OMNIBUILD_INDEX_URL": url}).index_url()
    assert "OMNIBUILD_INDEX_URL" in caught.value.why
