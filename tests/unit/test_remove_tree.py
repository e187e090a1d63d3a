"""Whatever a step left, it can be removed, and nothing else is."""

import os
from pathlib import Path

from omnibuild.files import remove_tree

DEEP = 1500


def test_closed_directories_and_symlinks(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    outside.chmod(0o755)
    inside = tmp_path / "tree/a/b"
    inside.mkdir(parents=True)
    (inside / "file").write_text("x")
    (inside / "way-out").symlink_to(outside)
    (tmp_path / "tree/a/dangling").symlink_to("nowhere")
    inside.chmod(0)
    (tmp_path / "tree/a").chmod(0o500)
    remove_tree(tmp_path / "tree")
    assert sorted(os.listdir(tmp_path)) == ["outside"]
    assert (outside / "mine").read_text() == "mine"
    assert outside.stat().st_mode & 0o777 == 0o755


def test_deeper_than_any_path(tmp_path: Path) -> None:
    name = "d" * 50
    (tmp_path / "tree").mkdir()
    here = os.open(tmp_path / "tree", os.O_RDONLY)
    for number in range(DEEP):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
        os.close(os.open(f"file-{number}", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    remove_tree(tmp_path / "tree")
    assert os.listdir(tmp_path) == []


def test_a_symlink_in_place_of_a_tree(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "link").symlink_to("outside")
    remove_tree(tmp_path / "link")
    remove_tree(tmp_path / "nothing")
    assert os.listdir(tmp_path) == ["outside"]
