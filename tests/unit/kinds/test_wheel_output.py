"""What a build backend left in place of its wheel."""

import os
import zipfile
from pathlib import Path

import pytest

from omnibuild.errors import CaptureError, StepError
from omnibuild.kinds.install import install_wheel
from omnibuild.kinds.wheel import captured_wheel
from omnibuild.tree import scan


@pytest.fixture
def out(tmp_path: Path) -> Path:
    (tmp_path / "host").mkdir()
    (tmp_path / "host/secret.whl").write_text("of the host")
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def test_one_wheel(out: Path) -> None:
    (out / "app-1-py3-none-any.whl").write_text("wheel")
    assert [entry.path for entry in captured_wheel("app", out).entries] == [
        "app-1-py3-none-any.whl"
    ]


def test_a_symlink_to_a_directory_of_the_host(out: Path) -> None:
    out.rmdir()
    out.symlink_to("host")
    before = scan(out.parent / "host")
    with pytest.raises(CaptureError, match="replaced its output directory"):
        captured_wheel("app", out)
    assert scan(out.parent / "host") == before


def test_a_file_in_place_of_the_directory(out: Path) -> None:
    out.rmdir()
    out.write_text("wheel")
    with pytest.raises(CaptureError, match="replaced its output directory"):
        captured_wheel("app", out)


def test_a_symlink_to_a_file_of_the_host(out: Path) -> None:
    (out / "app-1-py3-none-any.whl").symlink_to("../host/secret.whl")
    with pytest.raises(StepError, match="not one wheel"):
        captured_wheel("app", out)


@pytest.mark.parametrize("names", [(), ("a.whl", "b.whl"), ("directory/a.whl",)])
def test_another_number_of_wheels(out: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text("wheel")
    with pytest.raises(StepError):
        captured_wheel("app", out)


def test_a_named_pipe(out: Path) -> None:
    os.mkfifo(out / "app-1-py3-none-any.whl")
    with pytest.raises(CaptureError, match="strange"):
        captured_wheel("app", out)


def simple_wheel(path: Path) -> Path:
    info = "app-1.dist-info"
    members = {
        "app/__init__.py": "",
        "app-1.data/scripts/tool": "#!python\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: app\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
        names = [*members, f"{info}/RECORD"]
        archive.writestr(names[-1], "".join(f"{name},,\n" for name in names))
    return path


def test_the_callers_umask_changes_no_installed_file(tmp_path: Path) -> None:
    trees = []
    for umask in (0o022, 0o077):
        base = tmp_path / f"{umask:o}"
        base.mkdir()
        wheel = simple_wheel(base / "app-1-py3-none-any.whl")
        (base / "wheels").mkdir()
        before = os.umask(umask)
        try:
            install_wheel(wheel, wheel.name, base / "files", "lib/site-packages", base)
        finally:
            os.umask(before)
        trees.append(scan(base / "files"))
    assert trees[0] == trees[1]
