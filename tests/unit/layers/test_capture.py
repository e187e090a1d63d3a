import os
from pathlib import Path

import pytest

from omnibuild.errors import CaptureError
from omnibuild.layers.capture import capture, require_installed
from omnibuild.tree import Entry, Kind, Tree

BELOW = {"zlib": Tree.of([Entry("lib", Kind.DIRECTORY, 0o755), Entry("lib/z", Kind.FILE, 0o644)])}


@pytest.fixture
def upper(tmp_path: Path) -> Path:
    (tmp_path / "upper/lib").mkdir(parents=True)
    (tmp_path / "upper/lib/own").write_text("x")
    return tmp_path / "upper"


def test_what_was_written_is_captured(upper: Path) -> None:
    assert [e.path for e in capture("app", upper, BELOW).entries] == ["lib", "lib/own"]


def test_nothing_written(tmp_path: Path) -> None:
    (tmp_path / "only/a/directory").mkdir(parents=True)
    with pytest.raises(CaptureError, match="installed nothing"):
        require_installed("app", tmp_path / "only")


def test_a_symlink_is_something(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("elsewhere")
    require_installed("app", tmp_path)


def test_a_changed_file_of_a_dependency(upper: Path) -> None:
    (upper / "lib/z").write_text("changed")
    with pytest.raises(CaptureError, match="changed a file of zlib"):
        capture("app", upper, BELOW)


def test_a_directory_in_place_of_a_file(upper: Path) -> None:
    (upper / "lib/z").mkdir()
    with pytest.raises(CaptureError, match="changed a file of zlib"):
        capture("app", upper, BELOW)


def test_a_removed_file_of_a_dependency(upper: Path) -> None:
    try:
        os.mknod(upper / "lib/z", 0o020000, 0)
    except PermissionError:
        pytest.skip("only root makes the marks that overlay leaves")
    with pytest.raises(CaptureError, match="removed a file"):
        capture("app", upper, BELOW)


def test_a_replaced_directory_of_a_dependency(upper: Path) -> None:
    os.setxattr(upper / "lib", "user.overlay.opaque", b"y")
    with pytest.raises(CaptureError, match="removed a file"):
        capture("app", upper, BELOW)


def test_something_strange(upper: Path) -> None:
    os.mkfifo(upper / "pipe")
    with pytest.raises(CaptureError, match="strange"):
        capture("app", upper, {})
