"""What is read by a name that others chose is a regular file, wherever that happens."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omnibuild import digests
from omnibuild.errors import OmnibuildError
from omnibuild.host.hooks import load_hooks
from omnibuild.package.deb.reader import check_deb
from omnibuild.package.rpm.verification import check_rpm
from omnibuild.regular import open_regular, read_regular
from omnibuild.repository.intake import inspect
from omnibuild.signing.signer import load_signer
from omnibuild.signing.verifier import load_verifier
from omnibuild.sources.fetch import fetch
from omnibuild.sources.roots.lock import load_root_lock
from omnibuild.transfer.directory import DirectoryObjects
from omnibuild.transfer.http import Downloader
from omnibuild.transfer.objects import TransferError, read_object


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    """End a test that waits for who writes to a pipe."""
    signal.alarm(20)
    yield
    signal.alarm(0)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def endless(path: Path) -> None:
    path.symlink_to("/dev/zero")


def directory(path: Path) -> None:
    path.mkdir()


def circle(path: Path) -> None:
    path.symlink_to(path.name)


def listener(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)
    os.chdir(here)


NOT_FILES = (pipe, endless, directory, circle, listener)


@pytest.mark.parametrize("make", NOT_FILES)
def test_what_is_no_regular_file_is_an_error_of_the_system(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "x")
    for read in (open_regular, read_regular, digests.of_file):
        with pytest.raises(OSError, match=f"{tmp_path}/x"):
            read(tmp_path / "x")


def test_what_is_larger_than_asked_for_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"1234")
    assert read_regular(tmp_path / "x", 4) == b"1234"
    with pytest.raises(OSError, match="too large"):
        read_regular(tmp_path / "x", 3)


def _sidecar(path: Path, suffix: str) -> None:
    package = path.with_name("x.deb")
    package.write_bytes(b"!<arch>\n")
    path.rename(path.with_name(f"x.deb{suffix}"))
    inspect(package)


def _tarball(path: Path) -> None:
    path.rename(path.with_name("x.tar.gz"))
    inspect(path.with_name("x.tar.gz"))


def _fetched(path: Path) -> None:
    fetch(
        "0" * 64,
        [f"file://{path}"],
        path.with_name("fetched"),
        downloader=Downloader(),
        progress=lambda *_: None,
        most=1000,
    )


READERS = {
    "a secret key": load_signer,
    "a public key": lambda path: load_verifier([path]),
    "a hook": lambda path: load_hooks(path.parent),
    "a deb": check_deb,
    "an rpm": check_rpm,
    "a checksum": lambda path: _sidecar(path, ".sha256"),
    "a manifest": lambda path: _sidecar(path, ".manifest.json"),
    "a tarball": _tarball,
    "a root's lock": load_root_lock,
    "a source": _fetched,
}


@pytest.mark.parametrize("make", [pipe, endless])
@pytest.mark.parametrize("name", READERS)
def test_every_reader_refuses_pipes_and_what_has_no_end(
    name: str, make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "prepare")
    with pytest.raises(OmnibuildError) as caught:
        READERS[name](tmp_path / "prepare")
    assert "no regular file" in str(caught.value)


@pytest.mark.parametrize("make", [pipe, endless])
def test_a_remote_cache_in_a_directory_is_read_alike(
    make: Callable[[Path], None], tmp_path: Path
) -> None:
    make(tmp_path / "object")
    with pytest.raises(TransferError, match="no regular file"):
        read_object(DirectoryObjects(tmp_path), "object", 1000)
