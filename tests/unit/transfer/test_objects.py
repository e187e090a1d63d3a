"""Object stores: a directory, and a web server that can only be read."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild.errors import UsageError
from omnibuild.transfer.bucket import Bucket
from omnibuild.transfer.directory import DirectoryObjects
from omnibuild.transfer.http import Downloader
from omnibuild.transfer.objects import (
    MissingObjectError,
    ObjectStore,
    RefusedError,
    TransferError,
    open_objects,
    read_object,
)
from omnibuild.transfer.web import WebObjects

from .server import Answer, Handler, Server, broken_after, content, running, status

BODY = bytes(range(256)) * 4000


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


def web(server: Server) -> WebObjects:
    return WebObjects(server.url("/cache"), Downloader(pause=0.01))


def test_a_directory_gives_back_what_it_got(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(BODY)
    for url in (str(tmp_path / "objects"), f"file://{tmp_path}/o%20b"):
        objects = open_objects(url)
        objects.put("a/bytes", b"hello")
        objects.put("a/file", source)
        assert read_object(objects, "a/bytes", 100) == b"hello"
        assert read_object(objects, "a/file", len(BODY)) == BODY
        assert objects.exists("a/file")
        assert not objects.exists("a/none")
    assert (tmp_path / "o b/a/bytes").is_file()


def test_reading_goes_on_where_it_stopped(tmp_path: Path, server: Server) -> None:
    directory = DirectoryObjects(tmp_path)
    directory.put("x", BODY)
    server.serve("/cache/x", content(BODY))
    for objects in (directory, web(server)):
        for offset in (0, 1, len(BODY) - 1, len(BODY)):
            stream, seen = io.BytesIO(), []
            objects.get("x", stream, offset=offset, progress=lambda *at, seen=seen: seen.append(at))
            assert stream.getvalue() == BODY[offset:]
            assert not seen or seen[-1] == (len(BODY), len(BODY))


def test_a_broken_connection_is_continued(server: Server) -> None:
    server.serve("/cache/x", broken_after(BODY, 5000), content(BODY))
    assert read_object(web(server), "x", len(BODY)) == BODY
    assert server.requests == [("/cache/x", ""), ("/cache/x", "bytes=5000-")]


def test_missing_is_not_broken(tmp_path: Path, server: Server) -> None:
    for objects in (DirectoryObjects(tmp_path), web(server)):
        with pytest.raises(MissingObjectError):
            read_object(objects, "none", 1)
    with pytest.raises(TransferError) as caught:
        read_object(DirectoryObjects(tmp_path / "not mounted"), "none", 1)
    assert not isinstance(caught.value, MissingObjectError)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (404, MissingObjectError),
        (410, MissingObjectError),
        (401, RefusedError),
        (403, RefusedError),
    ],
)
def test_what_a_web_server_says(server: Server, code: int, kind: type[TransferError]) -> None:
    server.serve("/cache/x", status(code))
    with pytest.raises(kind, match=str(code)):
        read_object(web(server), "x", 1)


def test_a_failing_web_server_is_a_failure_of_the_store(server: Server) -> None:
    server.serve("/cache/x", status(503))
    with pytest.raises(TransferError, match="HTTP 503") as caught:
        read_object(web(server), "x", 1)
    assert type(caught.value) is TransferError


def test_a_web_server_takes_nothing(server: Server) -> None:
    for action in (lambda o: o.put("x", b""), lambda o: o.exists("x")):
        with pytest.raises(RefusedError):
            action(web(server))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (content(b"<html>log in</html>"), "no ETag"),
        (lambda handler: handler.reply(302, b"", Location=handler.path), "redirects without end"),
    ],
)
def test_what_is_no_bucket_says_so(
    server: Server, monkeypatch: pytest.MonkeyPatch, answer: Answer, said: str
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setattr(Handler, "do_HEAD", Handler.do_GET, raising=False)
    endpoint = server.serve("/bucket/x", answer).removesuffix("/bucket/x")
    server.serve("/bucket", answer)
    with pytest.raises(TransferError, match=said):
        Bucket("bucket", "", endpoint=endpoint, region="r").read("x")


def test_what_is_written_is_whole_or_not_there(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    objects.put("x", b"old")
    with pytest.raises(TransferError):
        objects.put("x", tmp_path / "no such source")
    assert read_object(objects, "x", 10) == b"old"
    assert os.listdir(tmp_path) == ["x"]
    with pytest.raises(TransferError):
        objects.put("x/below a file", b"")


def test_a_document_has_a_limit(tmp_path: Path) -> None:
    objects = DirectoryObjects(tmp_path)
    objects.put("x", b"12345")
    with pytest.raises(ValueError, match="more than 4 bytes"):
        read_object(objects, "x", 4)


@pytest.mark.parametrize(
    "url",
    [
        *("", "relative/path", "ftp://host/x", "file://host/x", "https://", "s3://", "s3:///x"),
        *("s3://bucket?other=1", "https://[bad", "s3://key:secret@bucket/x"),
        *("s3://bucket?endpoint=http://key:secret@host", "s3://bucket/a#b?region=r"),
    ],
)
def test_what_is_no_place_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_objects(url)
    assert "secret" not in str(caught.value)


def test_passwords_and_tokens_are_never_shown(server: Server) -> None:
    port = server.server_address[1]
    objects = WebObjects(f"http://user:secret@127.0.0.1:{port}/cache?token=secret", Downloader())
    for code in (403, 404):
        server.serve("/cache/x?token=secret", status(code))
        with pytest.raises(TransferError) as caught:
            read_object(objects, "x", 1)
        assert "secret" not in str(caught.value)
    assert "secret" not in objects.place
    assert server.requests[0][0] == "/cache/x?token=secret"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("s3://bucket", "s3://bucket"),
        ("s3://bucket/a/b/?region=r&endpoint=http://h:1", "s3://bucket/a/b"),
        ("/srv/cache", "/srv/cache"),
    ],
)
def test_a_place_says_where_it_is(url: str, place: str) -> None:
    objects: ObjectStore = open_objects(url)
    assert objects.place == place


def test_opening_loads_no_big_library() -> None:
    program = (
        "import sys; from omnibuild.transfer.objects import open_objects\n"
        "for url in ('/x', 'https://host/x', 's3://bucket/x'): open_objects(url)\n"
        "sys.exit(len({'boto3', 'botocore', 'requests'} & sys.modules.keys()))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
