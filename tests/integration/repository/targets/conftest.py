"""A real S3 server and what it is asked, and a real host that one logs in to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import botocore.client
import pytest

from tests.integration.remote.servers import Server, running, seaweedfs
from tests.integration.remote.test_s3 import bucket_works, use
from tests.integration.repository.targets.hosts import Host, host


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(seaweedfs(tmp_path_factory.mktemp("s3") / "server", bucket_works)) as server:
        yield server


@pytest.fixture(scope="session")
def ssh_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    with host(tmp_path_factory.mktemp("ssh") / "host") as there:
        yield there


@pytest.fixture(autouse=True)
def _builder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use("builder", monkeypatch, tmp_path)


@pytest.fixture
def bucket(server: Server, tmp_path: Path) -> str:
    """A repository's place of the test's own."""
    return f"s3://cache/{tmp_path.name}?endpoint=http://127.0.0.1:{server.port}&region=us-east-1"


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count what the server is asked, by operation and name."""
    asked: Counter[str] = Counter()
    call = botocore.client.BaseClient._make_api_call

    def counted(self: object, operation: str, words: dict[str, str]) -> object:
        name = words.get("Key") or words.get("Prefix") or ""
        asked[f"{operation} {name.partition('/')[2]}"] += 1
        return call(self, operation, words)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", counted)
    return asked
