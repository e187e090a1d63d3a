"""Real apt and gpgv read a repository, by file: and http:, and refuse a tampered one."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from omnibuild.repository.publish import publish
from omnibuild.signing.signer import load_signer
from tests.integration.repository.clients import Apt, run, web_server
from tests.unit.repository.samples import DEBIAN_11, DEBIAN_12, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer
from tests.unit.signing.keyring import keyring


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    root = tmp_path / "repository"
    files = [package(tmp_path), package(tmp_path, platform=DEBIAN_11)]
    publish(files, root, signer(), platforms=PLATFORMS)
    return root


@pytest.fixture
def apt(tmp_path: Path) -> Apt:
    return Apt(tmp_path / "apt")


def key(repository: Path, suffix: str = "asc") -> Path:
    (path,) = repository.glob(f"keys/*.{suffix}")
    return path


@pytest.mark.parametrize("suffix", ["asc", "gpg"])
def test_update_and_download_by_file(repository: Path, apt: Apt, suffix: str) -> None:
    apt.follow(f"file:{repository}", key(repository, suffix))
    done = apt.run("update")
    assert done.returncode == 0, done.stdout
    assert "W:" not in done.stdout
    done = apt.run("download", "hello")
    assert done.returncode == 0, done.stdout
    # From a file: address apt hands over the file itself.
    assert apt.run("--print-uris", "download", "hello=1.0-1").returncode == 0


def test_update_and_download_by_http(repository: Path, apt: Apt) -> None:
    with web_server(repository) as url:
        apt.follow(url, key(repository), "stable-deb11")
        assert apt.run("update").returncode == 0
        done = apt.run("download", "hello")
    assert done.returncode == 0, done.stdout
    downloaded = list(apt.root.glob("hello_1.0-1~deb11_amd64.deb"))
    assert len(downloaded) == 1
    assert run("dpkg-deb", "--info", downloaded[0]).returncode == 0


def test_a_new_version_is_seen(repository: Path, apt: Apt, tmp_path: Path) -> None:
    apt.follow(f"file:{repository}", key(repository))
    apt.run("update")
    publish([package(tmp_path, version="1.1")], repository, signer(), platforms=PLATFORMS)
    apt.run("update")
    assert "hello_1.1-1_amd64.deb" in apt.run("--print-uris", "download", "hello").stdout


def test_installing_is_simulated_without_complaint(repository: Path, apt: Apt) -> None:
    apt.follow(f"file:{repository}", key(repository))
    apt.run("update")
    done = apt.run("--simulate", "install", "hello")
    assert "Inst hello (1.0-1 Shop packages:stable [amd64])" in done.stdout, done.stdout


@pytest.mark.parametrize(
    ("name", "cause"),
    [("InRelease", "signature"), ("main/binary-amd64/Packages.gz", "Hash Sum mismatch")],
)
def test_tampering_is_refused(repository: Path, apt: Apt, name: str, cause: str) -> None:
    suite = repository / "apt/dists/stable"
    by_hash = list((suite / "main/binary-amd64/by-hash/SHA256").iterdir())
    for path in (suite / name, *(by_hash if name.endswith(".gz") else [])):
        content = path.read_bytes()
        path.write_bytes(content.replace(b"amd64", b"amd46").replace(b"\x1f\x8b", b"\x1f\x8c"))
    with web_server(repository) as url:
        apt.follow(url, key(repository))
        done = apt.run("update")
    assert done.returncode != 0
    assert cause in done.stdout


def remove(*names: str) -> Callable[[Path], None]:
    """Return an attack that withholds files of the suite."""

    def attack(suites: Path) -> None:
        for name in names:
            (suites / "stable" / name).unlink()

    return attack


def take(name: str, source: str = "testing") -> Callable[[Path], None]:
    """Return an attack that shows a file or directory of another suite in place of its own."""

    def attack(suites: Path) -> None:
        place = suites / "stable" / name
        if place.is_dir():
            shutil.rmtree(place)
            shutil.copytree(suites / source / name, place)
        else:
            place.write_bytes((suites / source / name).read_bytes())

    return attack


def strip_signature(suites: Path) -> None:
    plain = (suites / "stable/Release").read_bytes()
    (suites / "stable/InRelease").write_bytes(plain)


def write_before_it(suites: Path) -> None:
    signed = suites / "stable/InRelease"
    signed.write_bytes(b"Origin: others\n\n" + signed.read_bytes())


def show_an_old_signature(suites: Path) -> None:
    remove("InRelease")(suites)
    take("Release.gpg")(suites)


ATTACKS: Mapping[str, tuple[Callable[[Path], None], str]] = {
    # By whichever of both apt sees it first.
    "indexes of another suite": (take("main"), "Hash Sum mismatch|unexpected size"),
    "what is signed, of another suite": (take("InRelease"), "Hash Sum mismatch|unexpected size"),
    "no signature at all": (remove("InRelease", "Release.gpg"), "is not signed"),
    "a signature stripped": (strip_signature, "is not signed"),
    "text before what is signed": (write_before_it, "is not signed"),
    "another text's signature": (show_an_old_signature, "BADSIG"),
}


@pytest.fixture
def suites(repository: Path, tmp_path: Path) -> Path:
    """The directory of suites, with another channel whose package is a newer one."""
    newer = package(tmp_path, version="2.0")
    publish([newer], repository, signer(), platforms=PLATFORMS, channel="testing")
    return repository / "apt/dists"


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_signed_cannot_be_mixed(
    repository: Path, suites: Path, apt: Apt, name: str
) -> None:
    attack, cause = ATTACKS[name]
    attack(suites)
    with web_server(repository) as url:
        apt.follow(url, key(repository))
        done = apt.run("update")
    assert done.returncode != 0, done.stdout
    assert re.search(cause, done.stdout), done.stdout
    assert apt.run("--print-uris", "download", "hello").returncode != 0


def test_another_channel_is_taken_for_this_one_by_nobody_who_knew_it(
    repository: Path, suites: Path, apt: Apt
) -> None:
    with web_server(repository) as url:
        apt.follow(url, key(repository))
        assert apt.run("update").returncode == 0
        for name in ("main", "InRelease", "Release", "Release.gpg"):
            take(name)(suites)
        later = time.time() + 10
        os.utime(suites / "stable/InRelease", (later, later))
        known = apt.run("update")
        new = Apt(apt.root / "new")
        new.follow(url, key(repository))
        told = new.run("update")
    assert known.returncode != 0
    assert "changed its 'Codename' value from 'stable' to 'testing'" in known.stdout
    assert "hello_1.0-1_amd64.deb" in apt.run("--print-uris", "download", "hello").stdout
    # Who comes new is only warned: see docs/security.md.
    assert "Conflicting distribution" in told.stdout


def test_a_tampered_package_is_refused(repository: Path, apt: Apt) -> None:
    deb = repository / "apt/pool/main/h/hello/hello_1.0-1_amd64.deb"
    deb.write_bytes(deb.read_bytes()[:-1] + b"x")
    with web_server(repository) as url:
        apt.follow(url, key(repository))
        apt.run("update")
        done = apt.run("download", "hello")
    assert done.returncode != 0
    assert "Hash Sum mismatch" in done.stdout


def test_another_key_is_not_trusted(repository: Path, apt: Apt, tmp_path: Path) -> None:
    other = tmp_path / "other.asc"
    other.write_bytes(signer("Somebody else <else@shop.example>").public_key_armored)
    apt.follow(f"file:{repository}", other)
    done = apt.run("update")
    assert done.returncode != 0
    assert "NO_PUBKEY" in done.stdout


def test_gpgv_verifies_both_signatures(repository: Path) -> None:
    suite, keyring = repository / "apt/dists/stable", key(repository, "gpg")
    inline = run("gpgv", "--keyring", keyring, suite / "InRelease")
    detached = run("gpgv", "--keyring", keyring, suite / "Release.gpg", suite / "Release")
    for done in (inline, detached):
        assert done.returncode == 0, done.stdout
        assert signer().fingerprint in done.stdout


def test_mirror_programs_find_the_plain_names(repository: Path) -> None:
    suite = repository / "apt/dists/stable"
    rows = [line.split() for line in (suite / "Release").read_text().splitlines()[9:]]
    index = "main/binary-amd64/Packages"
    assert [name for _, _, name in rows] == [index, f"{index}.gz"]
    # As in Debian, what is listed plain is served packed.
    for digest, size, name in rows[1:]:
        path = suite / name
        assert path.stat().st_size == int(size)
        assert run("sha256sum", path).stdout.startswith(digest)


def test_a_key_that_only_apt_can_verify_serves_debs(tmp_path: Path, apt: Apt) -> None:
    with keyring("nistp256") as ring:
        signer_of_debs = load_signer(ring.export(tmp_path / "key"))
    root = tmp_path / "repository"
    publish([package(tmp_path)], root, signer_of_debs, platforms=[DEBIAN_12])
    apt.follow(f"file:{root}", key(root))
    done = apt.run("update")
    assert done.returncode == 0, done.stdout
