"""Hosts update and install without a pause during 500 publishings: each gets one state, whole.

The repository is a directory, which apt reads as it is and through a web server with a cache
before it, and a bucket of an S3 server, which hosts read as they would read any web server.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import pytest

from tests.acceptance.hosts.debians import DEBIANS, Chrooted, copies
from tests.acceptance.readers import (
    Bench,
    Reader,
    mirrorlist,
    read_while_publishing,
    reader_by_apt,
    reader_by_dnf,
)
from tests.integration.remote.servers import Server, free_ports, running, seaweedfs
from tests.integration.remote.test_s3 import bucket_works, use
from tests.integration.repository.clients import Dnf

PUBLISHES = int(os.environ.get("OMNIBUILD_PUBLISHES", "500"))

# A web server that says of files what a bucket says of them, and a cache that obeys.
CACHED = """
daemon off;
master_process off;
pid {directory}/pid;
error_log {directory}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    proxy_cache_path {directory}/cache keys_zone=repository:1m;
    server {{
        listen 127.0.0.1:{origin};
        root {root};
        add_header Cache-Control no-cache;
        location ~ "/by-hash/|/pool/|/Packages/|/gen-[0-9]+/|/repodata/[0-9a-f]{{64}}-" {{
            add_header Cache-Control "public, max-age=31536000, immutable";
        }}
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://127.0.0.1:{origin};
            proxy_cache repository;
            proxy_cache_revalidate on;
        }}
    }}
}}
"""


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    base = tmp_path_factory.mktemp("debians")
    yield copies(base)
    shutil.rmtree(base)


def hosts_of(bench: Bench, url: str, trees: dict[str, Path], shown: Path, way: str) -> list[Reader]:
    """Return hosts of three Debians that read an address."""
    readers = []
    for suite, title in DEBIANS.items():
        tree = trees[suite]
        keyring = Path("/etc/apt/keyrings/shop.gpg")
        (tree / "etc/apt/keyrings").mkdir(exist_ok=True)
        shutil.copy(bench.public_key("gpg"), tree / keyring.relative_to("/"))
        apt = Chrooted(tree / f"host-{way}", tree, shown)
        apt.follow(url, keyring)
        readers.append(reader_by_apt(f"apt of {title}, {way}", apt, apt.root / "cache"))
    return readers


@contextmanager
def cached(root: Path, directory: Path) -> Iterator[str]:
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    assert program
    origin, port = free_ports(2)
    directory.mkdir()
    configuration = directory / "nginx.conf"
    configuration.write_text(
        CACHED.format(directory=directory, root=root, origin=origin, port=port)
    )
    command = [program, "-e", str(directory / "start.log"), "-c", str(configuration)]
    with running(Server(command, port, directory / "log", lambda: True)) as server:
        yield f"http://127.0.0.1:{server.port}"


def test_a_directory_and_a_cache(tmp_path: Path, trees: dict[str, Path]) -> None:
    root = tmp_path / "repository"
    root.mkdir()

    def readers_of(bench: Bench, url: str) -> list[Reader]:
        dnf = Dnf(tmp_path / "dnf")
        dnf.follow(mirrorlist(url), bench.public_key("asc"))
        return [
            *hosts_of(bench, "copy:/srv", trees, root, "as files"),
            *hosts_of(bench, url, trees, root, "a cache"),
            reader_by_dnf("dnf, a cache", dnf),
        ]

    with cached(root, tmp_path / "nginx") as url:
        tell(read_while_publishing(Bench(tmp_path, str(root)), url, PUBLISHES, readers_of))


def test_a_bucket(tmp_path: Path, trees: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    use("builder", monkeypatch, tmp_path)

    def readers_of(bench: Bench, url: str) -> list[Reader]:
        dnf = Dnf(tmp_path / "dnf")
        dnf.follow(mirrorlist(url), bench.public_key("asc"))
        return [
            *hosts_of(bench, url, trees, tmp_path, "S3"),
            reader_by_dnf("dnf, S3", dnf),
        ]

    with running(seaweedfs(tmp_path / "server", bucket_works)) as server:
        address = f"http://127.0.0.1:{server.port}"
        boto3.client("s3", endpoint_url=address, region_name="us-east-1").create_bucket(
            Bucket="public"
        )
        place = f"s3://public/shop?endpoint={address}&region=us-east-1"
        url = f"{address}/public/shop"
        tell(read_while_publishing(Bench(tmp_path, place), url, PUBLISHES, readers_of))


def tell(readers: list[Reader]) -> None:
    """Say what a record shows, and raise where a read failed."""
    sys.stdout.write(f"\n{PUBLISHES} publishings of a .deb and an .rpm, back to back:\n")
    for reader in readers:
        sys.stdout.write(f"  {reader.reads:5} times {reader.name}: {len(reader.failures)} failed\n")
    for reader in readers:
        assert reader.failures == [], reader.name
