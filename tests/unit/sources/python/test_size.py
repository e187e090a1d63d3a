from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from omnibuild.errors import ArchiveError
from omnibuild.sources.extraction import Limits
from omnibuild.sources.python.size import check_size


def wheel(tmp_path: Path, *sizes: int) -> Path:
    path = tmp_path / "app-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, size in enumerate(sizes):
            archive.writestr(f"app/{number}.py", bytes(size))
    return path


def test_a_wheel_within_its_bounds(tmp_path: Path) -> None:
    check_size(wheel(tmp_path, 1_000_000, 1_000_000), "app.whl", Limits(2_000_000, 2))


@pytest.mark.parametrize("limits", [Limits(1_999_999, 2), Limits(2_000_000, 1)])
def test_a_wheel_that_unpacks_to_more(tmp_path: Path, limits: Limits) -> None:
    path = wheel(tmp_path, 1_000_000, 1_000_000)
    assert path.stat().st_size < 10_000
    with pytest.raises(ArchiveError) as caught:
        check_size(path, "app.whl", limits)
    assert "app.whl" in caught.value.what


def test_no_more_is_read_than_the_directory_says(tmp_path: Path) -> None:
    path = wheel(tmp_path, 1_000_000)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02") + 24
    assert struct.unpack_from("<I", data, at) == (1_000_000,)
    struct.pack_into("<I", data, at, 10)
    path.write_bytes(data)
    check_size(path, "app.whl", Limits(10, 1))
    with zipfile.ZipFile(path) as archive, pytest.raises(zipfile.BadZipFile):
        archive.read("app/0.py")
