"""The remote cache in a real S3 server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
import pytest
from boto3.exceptions import Boto3Error
from botocore.exceptions import BotoCoreError, ClientError

from omnibuild.remote import names
from omnibuild.remote.cache import RemoteCache
from omnibuild.store.results import Result
from omnibuild.store.store import Store
from omnibuild.transfer.objects import TransferError, read_object
from omnibuild.transfer.s3 import S3Objects
from tests.unit.remote.samples import KEY, Told, opened, stored_tree, unseen

from .servers import Server, running, seaweedfs

LARGE = os.urandom(40 << 20)


def use(identity: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Take credentials from the environment and from nowhere else."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", identity)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", identity)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for variable in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(variable, str(tmp_path / "none"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture(autouse=True)
def _builder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use("builder", monkeypatch, tmp_path)


def bucket_works(port: int) -> bool:
    """Tell whether the server has its bucket and stores something in it: its parts start late."""
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="builder",
        aws_secret_access_key="builder",
    )
    try:
        if "cache" not in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            client.create_bucket(Bucket="cache")
        client.put_object(Bucket="cache", Key="ready", Body=b"ready")
        client.get_object(Bucket="cache", Key="ready")["Body"].close()
    except (ClientError, BotoCoreError, Boto3Error):
        return False
    finally:
        client.close()
    return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(seaweedfs(tmp_path_factory.mktemp("s3") / "server", bucket_works)) as server:
        yield server


@pytest.fixture
def url(server: Server, tmp_path: Path) -> str:
    """A remote cache of the test's own."""
    return f"s3://cache/{tmp_path.name}?endpoint=http://127.0.0.1:{server.port}&region=us-east-1"


def test_what_one_machine_pushes_another_pulls(here: Store, there: Store, url: str) -> None:
    told = Told()
    tree, source = stored_tree(here), here.add_blob(LARGE)
    builder = opened(url, told, writable=True)
    builder.push(KEY, Result(tree, seconds=3), here)
    assert builder.push_object(source, here)
    assert builder.push_object(source, here)
    other = opened(url, told)
    assert other.result(KEY) == Result(tree, seconds=3, believed=True)
    seen: list[tuple[int, int]] = []
    for output in (tree, source):
        assert other.pull(output, there, lambda *at: seen.append(at))
    assert there.tree(tree.digest) == here.tree(tree.digest)
    assert seen[-1] == (len(LARGE), len(LARGE))
    assert other.result("f" * 64) is None
    assert told.warnings == []


def test_many_threads_share_one_client(here: Store, there: Store, url: str) -> None:
    told = Told()
    remote = opened(url, told, writable=True)
    outputs = [here.add_blob(bytes([number]) * 100_000) for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(lambda output: remote.push_object(output, here), outputs))
        assert all(pool.map(lambda output: remote.pull(output, there, unseen), outputs))
    assert told.warnings == []


def test_a_poisoned_object_is_a_miss_and_is_healed(here: Store, there: Store, url: str) -> None:
    told = Told()
    output = here.add_blob(b"good")
    builder = opened(url, told, writable=True)
    builder.push_object(output, here)
    port = url.partition("127.0.0.1:")[2].partition("&")[0]
    prefix = url.removeprefix("s3://cache/").partition("?")[0]
    objects = S3Objects("cache", prefix, endpoint=f"http://127.0.0.1:{port}", region="us-east-1")
    objects.put(names.blob(output.digest), b"evil")
    assert not builder.pull(output, there, unseen)
    assert len(told.warnings) == 1
    builder.push_object(output, here)
    assert builder.pull(output, there, unseen)


def test_a_reader_that_shall_write_goes_on_reading(
    here: Store, there: Store, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = Told()
    old = here.add_blob(b"old")
    opened(url, told, writable=True).push_object(old, here)
    use("reader", monkeypatch, tmp_path)
    remote = opened(url, told, writable=True)
    for content in (b"new", LARGE):
        remote.push(KEY, Result(here.add_blob(content)), here)
    assert len(told.warnings) == 1
    assert not remote.writable
    assert remote.pull(old, there, unseen)


def test_credentials_may_be_in_a_file(
    here: Store, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    told = Told()
    assert not opened(url, told, writable=True).push_object(here.add_blob(b"x"), here)
    assert "credentials" in told.warnings[0]
    credentials = tmp_path / "credentials"
    credentials.write_text(
        "[default]\naws_access_key_id = builder\naws_secret_access_key = builder\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    assert opened(url, told, writable=True).push_object(here.add_blob(b"x"), here)
    assert len(told.warnings) == 1


def test_wrong_credentials_cost_one_warning(
    there: Store, url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use("nobody", monkeypatch, tmp_path)
    told = Told()
    remote = opened(url, told, writable=True)
    assert remote.result(KEY) is None
    assert not remote.push_object(there.add_blob(b"x"), there)
    assert len(told.warnings) == 1


def test_a_missing_bucket_is_a_failure_of_the_store(server: Server) -> None:
    endpoint = f"http://127.0.0.1:{server.port}"
    objects = S3Objects("no-such-bucket", "", endpoint=endpoint, region="us-east-1")
    with pytest.raises(TransferError, match="NoSuchBucket") as caught:
        read_object(objects, "x", 1)
    assert type(caught.value) is TransferError


def test_a_server_killed_in_the_middle_is_a_miss_and_later_continued(
    here: Store, there: Store, server: Server, url: str
) -> None:
    told = Told()
    output = here.add_blob(LARGE)
    opened(url, told, writable=True).push_object(output, here)

    def kill(done: int, total: int) -> None:
        server.kill()

    port = url.partition("127.0.0.1:")[2].partition("&")[0]
    prefix = url.removeprefix("s3://cache/").partition("?")[0]
    objects = S3Objects(
        *("cache", prefix), endpoint=f"http://127.0.0.1:{port}", region="us-east-1", pause=0.01
    )
    remote = RemoteCache(objects, writable=False, emit=told)
    try:
        assert not remote.pull(output, there, kill)
        assert remote.result(KEY) is None
        assert len(told.warnings) == 1
    finally:
        server.start()
    partial = there.blob(output.digest).with_name(f"{output.digest}.part")
    arrived = partial.stat().st_size
    assert 0 < arrived < len(LARGE)
    seen: list[int] = []
    assert opened(url, told).pull(output, there, lambda done, total: seen.append(done))
    assert seen[0] > arrived
    assert len(told.warnings) == 1
