"""PEX files on their way into a repository: read whole, and nothing else is taken for one."""

import zipfile
from pathlib import Path

import pytest

from omnibuild.errors import PackageError
from omnibuild.package.pex import check_pex


def made(base: Path, *names: str) -> Path:
    path = base / "shop-1.0.pex"
    with path.open("wb") as stream:
        stream.write(b"#!/usr/bin/env python3.13\n")
        with zipfile.ZipFile(stream, "w") as archive:
            for name in names:
                archive.writestr(name, f"what {name} says" * 10)
    return path


def test_one_with_a_first_line_is_read(tmp_path: Path) -> None:
    check_pex(made(tmp_path, "PEX-INFO", "__main__.py"))


def test_what_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="it has no PEX-INFO"):
        check_pex(made(tmp_path, "__main__.py"))
    (tmp_path / "text.pex").write_text("#!/bin/sh\n")
    with pytest.raises(PackageError, match="it is no zip archive"):
        check_pex(tmp_path / "text.pex")
    with pytest.raises(PackageError, match="there is no such file"):
        check_pex(tmp_path / "gone.pex")


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_damage_is_found(tmp_path: Path, place: float) -> None:
    path = made(tmp_path, "PEX-INFO", "a", "b", "c")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * place)])
    with pytest.raises(PackageError):
        check_pex(path)
    at = whole.index(b"what b says")
    path.write_bytes(whole[:at] + b"W" + whole[at + 1 :])
    with pytest.raises(PackageError, match="it is damaged at 'b'"):
        check_pex(path)
