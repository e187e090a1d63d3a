"""What a build backend left in place of its wheel."""

import os
from pathlib import Path

import pytest

from omnibuild.errors import CaptureError, StepError
from omnibuild.kinds.wheel import captured_file
from omnibuild.tree import scan


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/secret.whl").write_text("of the host")
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_one_wheel(out: Path) -> None:
    (out / "app-1-py3-none-any.whl").write_text("wheel")
    assert [entry.path for entry in captured_file("app", out).entries] == ["app-1-py3-none-any.whl"]


def test_a_symlink_to_a_directory_of_the_host(out: Path) -> None:
    out.rmdir()
    out.symlink_to("host")
    before = scan(out.parent / "host")
    with pytest.raises(CaptureError, match="removed or replaced its output directory"):
        captured_file("app", out)
    assert scan(out.parent / "host") == before


def test_the_directory_is_gone(out: Path) -> None:
    out.rmdir()
    with pytest.raises(CaptureError, match="removed or replaced its output directory"):
        captured_file("app", out)


def test_a_file_in_place_of_the_directory(out: Path) -> None:
    out.rmdir()
    out.write_text("wheel")
    with pytest.raises(CaptureError, match="removed or replaced its output directory"):
        captured_file("app", out)


def test_a_symlink_to_a_file_of_the_host(out: Path) -> None:
    (out / "app-1-py3-none-any.whl").symlink_to("../host/secret.whl")
    with pytest.raises(StepError, match="not one file"):
        captured_file("app", out)


@pytest.mark.parametrize("names", [(), ("a.whl", "b.whl"), ("directory/a.whl",)])
def test_another_number_of_wheels(out: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("wheel")
    with pytest.raises(StepError):
        captured_file("app", out)


def test_a_named_pipe(out: Path) -> None:
    os.mkfifo(out / "app-1-py3-none-any.whl")
    with pytest.raises(CaptureError, match="strange"):
        captured_file("app", out)
