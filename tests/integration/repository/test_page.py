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
from tests.integration.repository.test_install_sh import ALMA, DEBIAN, NAME, on_host, published
from tests.unit.repository.samples import LINUX, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer

__all__ = ["published"]

# Root has no sudo in a test, and Debian's dnf not the directory that EL has.
SUDO = 'set -e; sudo() { "$@"; }; mkdir -p /etc/yum.repos.d; '
ONE, FIRST = "Install with one command", "Check the script first"
FILE = "hello-1.0-linux-x86_64.tar.zst"
PROGRAM = "hello-1.0/bin/hello"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    publish([package(tmp_path, platform=LINUX)], root, signer(), platforms=PLATFORMS)
    return root


def commands(
    repository: Path, label: str, url: str = "https://repository.example", page: str = "index.html"
) -> str:
    """Return what a page says, for where the repository is now."""
    page = (repository / page).read_text()
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


@pytest.mark.parametrize(
    ("release", "page", "label"),
    [
        (DEBIAN.format(12), "index.html", FIRST),
        (DEBIAN.format(12), "index.html", "Commands for apt"),
        (DEBIAN.format(12), f"packages/{NAME}.html", ONE),
        (ALMA, "index.html", "Commands for dnf"),
        (ALMA, f"packages/{NAME}.html", ONE),
    ],
    ids=["apt, checked", "apt, by hand", "apt, of a package", "dnf, by hand", "dnf, of a package"],
)
def test_commands_install_as_they_stand(
    published: Path, release: str, page: str, label: str
) -> None:
    # A person answers dnf.
    script = commands(published, label, page=page).replace("dnf install", "dnf install -y")
    done = on_host(published, f"cd /tmp; {SUDO}{script}\n/opt/{NAME}/bin/{NAME}", release)
    assert done.returncode == 0, done.stdout
    assert f"\n{NAME} 1.0\n" in done.stdout


def test_who_has_the_repository_installs_with_the_package_manager(published: Path) -> None:
    page = f"packages/{NAME}.html"
    for release, label in ((DEBIAN.format(12), "With apt-get"), (ALMA, "With dnf")):
        script = commands(published, f"{label}, where the repository is set up", page=page)
        answered = script.replace("dnf install", "dnf install -y")
        set_up = f"sh /mnt/repository/install.sh; {answered}\n/opt/{NAME}/bin/{NAME}"
        done = on_host(published, f"{SUDO}{set_up}", release)
        assert done.returncode == 0, done.stdout
