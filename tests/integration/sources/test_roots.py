"""Build roots by the real apt and mmdebstrap, from the real archive."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from omnibuild import tree
from omnibuild.errors import ToolFailedError
from omnibuild.sources.fetch import fetch
from omnibuild.sources.places import Places
from omnibuild.sources.roots.debian import build_root
from omnibuild.sources.roots.lock import RootLock, load_root_lock, make_lock
from omnibuild.sources.roots.tree import MOUNT_POINTS
from omnibuild.tools import Tool
from omnibuild.transfer.http import Downloader

COMMITTED = Path(__file__).parents[3] / "roots" / "bullseye.lock.json"
COMPILERS = (
    "gcc g++ make patch perl xz-utils bzip2 python3 m4 autoconf automake libtool pkg-config"
    " file libc6-dev"
)
USER = "omnibuild-test"


@pytest.fixture(scope="module")
def places() -> Places:
    return Places()


@pytest.fixture(scope="module")
def mirror(places: Places) -> str:
    return places.debian_mirrors()[0]


@pytest.fixture(scope="module")
def lock(mirror: str) -> RootLock:
    """A small root: what is proven here does not depend on the compilers."""
    return make_lock("bullseye", ["make"], mirror)


@pytest.fixture(scope="module")
def world() -> Iterator[Path]:
    """A directory that every user can look into; pytest's own are private."""
    with tempfile.TemporaryDirectory(prefix="omnibuild-test-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
def debs(lock: RootLock, places: Places, world: Path) -> dict[str, Path]:
    downloader = Downloader()
    found = {package.sha256: world / "debs" / package.sha256 for package in lock.packages}
    for package in lock.packages:
        fetch(
            package.sha256,
            package.places,
            found[package.sha256],
            downloader=downloader,
            progress=lambda done, total: None,
            finder=places,
        )
    return found


@pytest.fixture(scope="module")
def root(lock: RootLock, debs: dict[str, Path], world: Path) -> Path:
    with (world / "log").open("w+b") as log:
        build_root(lock, debs, world / "root", log)
    return world / "root"


@pytest.fixture
def user() -> Iterator[pwd.struct_passwd]:
    if os.geteuid() != 0:
        pytest.skip("only root can be another user too")
    Tool("useradd", "passwd").run("--no-create-home", USER)
    yield pwd.getpwnam(USER)
    Tool("userdel", "passwd").run(USER)


def test_the_frozen_suite_still_resolves_to_the_committed_lock(mirror: str) -> None:
    assert make_lock("bullseye", COMPILERS.split(), mirror) == load_root_lock(COMMITTED)


def test_a_wrong_signature_is_refused(mirror: str, tmp_path: Path) -> None:
    keyring = tmp_path / "other.gpg"
    keyring.write_bytes(b"")
    with pytest.raises(ToolFailedError):
        make_lock("bullseye", [], mirror, keyring=keyring)


def test_the_root_holds_exactly_the_locked_packages(lock: RootLock, root: Path) -> None:
    status = (root / "var/lib/dpkg/status").read_text()
    found = []
    for stanza in status.split("\n\n"):
        lines = [line.partition(": ") for line in stanza.splitlines()]
        values = {key: value for key, _, value in lines}
        if values:
            assert values["Status"] == "install ok installed"
            found.append((values["Package"], values["Version"]))
    assert sorted(found) == [(package.name, package.version) for package in lock.packages]


def test_the_root_works(root: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("chroot needs root")
    done = Tool("chroot", "coreutils").run(root, "make", "--version")
    assert b"GNU Make 4.3" in done.stdout


def test_nothing_in_it_is_special_or_of_this_machine(root: Path) -> None:
    for directory, names, file_names in os.walk(root):
        for name in (*names, *file_names):
            status = os.lstat(os.path.join(directory, name))
            assert status.st_uid == os.geteuid()
            if not stat.S_ISLNK(status.st_mode):
                assert stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)
                assert status.st_mode & 0o7000 == 0
                assert status.st_mode & 0o600 == 0o600
    for absent in ("etc/hostname", "etc/resolv.conf", "etc/machine-id", "etc/apt/sources.list"):
        assert not os.path.lexists(root / absent)
    assert all((root / mount_point).is_dir() for mount_point in MOUNT_POINTS)


def test_an_ordinary_user_gets_the_same_bytes(
    lock: RootLock, debs: dict[str, Path], root: Path, world: Path, user: pwd.struct_passwd
) -> None:
    home = world / "home"
    home.mkdir()
    shutil.chown(home, user.pw_uid, user.pw_gid)
    child = os.fork()
    if child == 0:
        # Nothing but this call happens as the user, in a process that ends with it.
        status = 1
        try:
            os.setgroups([])
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            with (home / "log").open("w+b") as log:
                build_root(lock, debs, home / "root", log)
            status = 0
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
            raise
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0, (home / "log").read_text()
    assert (home / "root").stat().st_uid == user.pw_uid
    assert tree.scan(home / "root") == tree.scan(root)
