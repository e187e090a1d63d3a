"""What this machine's apt, pip and openssl say and do."""

from __future__ import annotations

import io
import os
import re
import ssl
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.errors import SourceError
from omnibuild.sources.fetch import fetch
from omnibuild.sources.places import Places
from omnibuild.sources.python import index
from omnibuild.tools import Tool
from omnibuild.transfer.http import Downloader
from tests.unit.transfer.server import content, running

SIX = "1e61c37477a1626458e36f7b1d82aa5c9b094fa4802892072e49de9c60c4c926"


def test_apt_knows_a_mirror() -> None:
    mirrors = Places({}).debian_mirrors()
    assert mirrors
    assert all(base.endswith("/debian/") for base in mirrors)


def test_pip_knows_the_index_and_the_index_the_file(tmp_path: Path) -> None:
    fetch(
        SIX,
        ["index:six/six-1.16.0.tar.gz"],
        tmp_path / "six",
        downloader=Downloader(),
        progress=lambda done, total: None,
        finder=Places(os.environ),
    )
    assert digests.of_file(tmp_path / "six") == SIX


def test_uv_knows_the_public_index() -> None:
    assert re.fullmatch(r"https://[a-z.]+/simple/", index.public_index())


def test_an_untrusted_certificate_is_named_and_not_retried(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    Tool("openssl", "openssl").run(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
        *("-keyout", key, "-out", certificate),
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with running() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        url = server.serve("/a", content(b"secret")).replace("http:", "https:")
        with pytest.raises(SourceError) as caught:
            Downloader(pause=0.001).download(url, io.BytesIO(), progress=print)
    assert "TLS" in caught.value.why
    assert "attempts" not in caught.value.why
