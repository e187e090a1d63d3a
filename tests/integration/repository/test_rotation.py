"""Real package managers while a repository passes from one key to another."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from omnibuild.repository import layout
from omnibuild.repository.clients import apt_source, yum_repo
from omnibuild.repository.keys import rotation
from omnibuild.repository.publish import publish, remove
from omnibuild.repository.state.head import load
from omnibuild.repository.targets import open_target
from omnibuild.signing.creation import create_certificate
from omnibuild.signing.signer import load_signer
from tests.integration.repository.clients import Apt, Dnf, run, web_server
from tests.integration.signing.programs import signing_program
from tests.unit.repository.samples import EL9, PLATFORMS, package
from tests.unit.repository.samples import created_signer as signer
from tests.unit.repository.test_rotation import pass_time

OLD = signer()


@dataclass(frozen=True)
class Served:
    """A repository behind a web server."""

    root: Path
    url: str

    @property
    def name(self) -> str:
        record = load(open_target(self.root)).repository
        assert record
        return record.name

    def keys(self, place: Path, *, dnf: bool = False) -> Path:
        """Copy the keys as a host is given them that is set up now."""
        path = layout.rpm_key_path(self.name) if dnf else layout.key_path(self.name, "asc")
        shutil.copy(self.root / path, place)
        return place


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    root = tmp_path / "repository"
    root.mkdir()
    with web_server(root) as url:
        files = [package(tmp_path), package(tmp_path, platform=EL9)]
        publish(files, root, OLD, platforms=PLATFORMS, base_url=url)
        yield Served(root, url)


def apt_host(tmp_path: Path, served: Served, name: str) -> Apt:
    """Return a host that was set up with the keys of this moment."""
    apt = Apt(tmp_path / name)
    apt.root.mkdir()
    apt.follow(served.url, served.keys(apt.root / "keyring.asc"))
    return apt


def upgraded(served: Served, apt: Apt) -> None:
    """Have a host what the newest keyring package brings."""
    done = apt.run("download", layout.keyring_package(served.name))
    assert done.returncode == 0, done.stdout
    (deb,) = apt.root.glob("*.deb")
    run("dpkg-deb", "--extract", deb, apt.root / "unpacked")
    shutil.copy(
        f"{apt.root}/unpacked{apt_source.keyring_path(served.name)}", apt.root / "keyring.asc"
    )


def updates(apt: Apt) -> bool:
    return apt.run("update").returncode == 0


def test_apt_hosts_follow_from_key_to_key(tmp_path: Path, served: Served) -> None:
    program = signing_program(tmp_path)
    create_certificate(program, "New <new@shop.example>")
    new = load_signer(f"command:{program}")
    both = msgspec.structs.replace(new, others=(OLD,))
    off, on = (apt_host(tmp_path, served, name) for name in ("off", "on"))
    assert updates(off)
    rotation.announce(served.root, OLD, new.certificate)
    assert updates(off)
    assert updates(on)
    upgraded(served, on)
    pass_time(served.root, 31)
    rotation.switch(served.root, both)
    # Who was off has the old key alone, and one signature is by that.
    assert updates(off)
    assert updates(on)
    fresh = apt_host(tmp_path, served, "fresh")
    assert updates(fresh)
    rotation.switch(served.root, new)
    assert updates(on)
    assert updates(fresh)
    done = off.run("update")
    assert done.returncode != 0
    assert "NO_PUBKEY" in done.stdout
    remove(["hello"], served.root, new)
    rotation.drop(served.root, new, OLD.fingerprint)
    assert updates(on)
    assert updates(fresh)
    upgraded(served, fresh)
    assert updates(fresh)
    assert fresh.root.joinpath("keyring.asc").read_bytes() == new.public_key_armored


def test_dnf_hosts_follow_from_key_to_key(tmp_path: Path, served: Served) -> None:
    new = signer("New <new@shop.example>")
    host = Dnf(tmp_path / "host")
    host.root.mkdir()
    # The key is where install.sh has it; --installroot reads it there from this machine.
    key = served.keys(tmp_path / "key.asc", dnf=True)
    location = f"mirrorlist={served.url}/yum/stable/el9/x86_64/mirrorlist"
    host.follow(location, key)
    keyring = layout.keyring_package(served.name)
    done = host.run("install", "hello", keyring)
    assert done.returncode == 0, done.stdout
    owned = host.root / "root" / yum_repo.keyring_path(served.name).lstrip("/")
    assert owned.read_bytes() == OLD.public_key_armored

    rotation.announce(served.root, OLD, new.certificate)
    pass_time(served.root, 31)
    done = host.run("upgrade", "--refresh")
    assert done.returncode == 0, done.stdout
    assert owned.read_bytes() == OLD.public_key_armored + new.public_key_armored
    shutil.copy(owned, key)

    rotation.switch(served.root, msgspec.structs.replace(new, others=(OLD,)))
    both = msgspec.structs.replace(new, others=(OLD,))
    newer = package(tmp_path, version="2.0", platform=EL9)
    publish([newer], served.root, both, platforms=PLATFORMS)
    done = host.run("upgrade", "--refresh")
    assert done.returncode == 0, done.stdout
    assert (host.root / "root/opt/hello/bin/hello").read_text().endswith("hello 2.0\n")

    rotation.switch(served.root, new)
    remove(["hello=1.0-1"], served.root, new)
    rotation.drop(served.root, new, OLD.fingerprint)
    done = host.run("upgrade", "--refresh")
    assert done.returncode == 0, done.stdout
    assert owned.read_bytes() == new.public_key_armored


def test_who_did_not_upgrade_in_time_is_cut_off_by_dnf(tmp_path: Path, served: Served) -> None:
    """Why a switch waits: rpms and their metadata have one signature."""
    new = signer("New <new@shop.example>")
    host = Dnf(tmp_path / "host")
    location = f"mirrorlist={served.url}/yum/stable/el9/x86_64/mirrorlist"
    host.follow(location, served.keys(tmp_path / "key.asc", dnf=True))
    rotation.announce(served.root, OLD, new.certificate)
    rotation.switch(served.root, msgspec.structs.replace(new, others=(OLD,)), insist=True)
    assert host.run("makecache").returncode != 0
