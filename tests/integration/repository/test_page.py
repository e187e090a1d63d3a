"""What a visitor copies from the landing page: it unpacks only what the key signed."""

from __future__ import annotations

import html
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.repository.publish import publish
from tests.integration.repository.clients import Done, run, web_server
from tests.unit.repository.samples import LINUX, PLATFORMS, package, signer

FILE = "hello-1.0-linux-x86_64.tar.zst"
PROGRAM = "hello-1.0/bin/hello"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    publish([package(tmp_path, platform=LINUX)], root, signer(), platforms=PLATFORMS)
    return root


def commands(repository: Path, label: str, url: str) -> str:
    """Return what the page says, for where the repository is now."""
    page = (repository / "index.html").read_text()
    found = re.search(rf'aria-label="{label}"><code>(.*?)</code>', page, re.DOTALL)
    assert found
    return html.unescape(found[1]).replace("https://repository.example", url)


def follow(repository: Path, directory: Path, verifier: str) -> Done:
    """Download, verify and unpack as the page says."""
    directory.mkdir()
    with web_server(repository) as url:
        script = commands(repository, "Commands for a tarball", url)
        if verifier == "sqv":
            # The last command is another one: where there is no gpgv.
            fetched = script.partition("gpgv ")[0]
            script = fetched + commands(repository, "Commands for a tarball, with sqv", url)
        return run("env", "-C", directory, "sh", "-c", script)


def forge(repository: Path, *, key: bool) -> None:
    """Replace the tarball with all that a thief of the web server can make fit."""
    path = repository / "downloads" / FILE
    path.write_bytes(path.read_bytes() + b"\0")
    checksum = f"{digests.of_file(path)}  {FILE}\n"
    path.with_name(f"{FILE}.sha256").write_text(checksum)
    if key:
        thief = signer("Shop packages <thief@shop.example>")
        path.with_name(f"{FILE}.asc").write_bytes(thief.sign_detached_armored(path.read_bytes()))
        (public,) = repository.glob("keys/*.gpg")
        # Beside the right one, so that looking for it in the file is not enough.
        public.write_bytes(public.read_bytes() + thief.public_key_binary)


@pytest.mark.parametrize("verifier", ["gpgv", "sqv"])
def test_a_signed_tarball_is_unpacked(repository: Path, tmp_path: Path, verifier: str) -> None:
    if not shutil.which(verifier):
        pytest.skip(f"{verifier} is not installed")
    done = follow(repository, tmp_path / "home", verifier)
    assert done.returncode == 0, done.stdout
    program = tmp_path / "home" / PROGRAM
    assert subprocess.run([program], capture_output=True, check=True).stdout == b"hello 1.0\n"


@pytest.mark.parametrize("verifier", ["gpgv", "sqv"])
@pytest.mark.parametrize("key", [False, True], ids=["checksum", "signature and key"])
def test_a_replaced_tarball_is_not(
    repository: Path, tmp_path: Path, verifier: str, key: bool
) -> None:
    if not shutil.which(verifier):
        pytest.skip(f"{verifier} is not installed")
    forge(repository, key=key)
    done = follow(repository, tmp_path / "home", verifier)
    assert done.returncode != 0, done.stdout
    assert (tmp_path / "home" / FILE).exists()
    assert not (tmp_path / "home" / PROGRAM).exists()
