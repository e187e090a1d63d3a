"""What stands where something is to be written is named, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from omnibuild.errors import StorageError
from omnibuild.files import make_directory, storage_errors, write_atomic


@pytest.mark.parametrize(
    "write",
    [
        make_directory,
        lambda path: make_directory(path / "below"),
        lambda path: write_atomic(path / "below", "x"),
    ],
)
def test_a_file_in_place_of_a_directory(tmp_path: Path, write: Callable[[Path], None]) -> None:
    place = tmp_path / "afile"
    place.write_text("kept")
    with pytest.raises(StorageError) as caught, storage_errors(tmp_path):
        write(place)
    assert caught.value.what == f"{place} is a file, not a directory"
    assert "move it away" in caught.value.hint
    assert place.read_text() == "kept"


def test_what_is_neither_is_no_directory(tmp_path: Path) -> None:
    place = tmp_path / "nowhere"
    place.symlink_to("gone")
    with pytest.raises(StorageError) as caught, storage_errors(tmp_path):
        make_directory(place)
    assert caught.value.what == f"{place} is no directory"


def test_a_directory_in_place_of_a_file(tmp_path: Path) -> None:
    place = tmp_path / "recipe.lock"
    place.mkdir()
    with pytest.raises(StorageError) as caught:
        write_atomic(place, "x")
    assert caught.value.what == f"{place} is a directory, not a file"
    with pytest.raises(StorageError, match="is a directory, not a file"), storage_errors(tmp_path):
        place.write_text("x")


def test_a_full_disk_is_told_as_one() -> None:
    with (
        pytest.raises(StorageError, match="cannot write below out: No space left") as caught,
        storage_errors(Path("out")),
        open("/dev/full", "wb", buffering=0) as full,
    ):
        full.write(b"x")
    assert "make room there" in caught.value.hint
