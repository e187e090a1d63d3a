"""What wheels and sdists say of themselves, and files that are neither."""

from __future__ import annotations

import contextlib
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omnibuild.discovery.distribution import Startable, declared_by
from omnibuild.discovery.findings import Findings
from omnibuild.errors import SourceError

METADATA = b"""\
Metadata-Version: 2.4
Name: shop
Version: 1
Summary: Sells
  things
License: see LICENSE
Classifier: License :: OSI Approved :: MIT License
Project-URL: Source, https://example.com/shop
Requires-Python: >=3.10

Long words.
"""
ENTRY_POINTS = b"[console_scripts]\nshop = shop:main [x]\nbad name = x:y\n[gui_scripts]\nw = x:y\n"


def wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def sdist(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def said_by(path: Path) -> Findings:
    found = Findings()
    declared_by(path, path.name, found)
    return found


def test_wheels_and_sdists_say_the_same(tmp_path: Path) -> None:
    one = wheel(
        tmp_path / "shop-1-py3-none-any.whl",
        {
            "shop/vendor/other-2.dist-info/METADATA": b"Summary: other\n",
            "shop/vendor/other-2.dist-info/entry_points.txt": b"[console_scripts]\nother = o:m\n",
            "shop-1.dist-info/METADATA": METADATA,
            "shop-1.dist-info/entry_points.txt": ENTRY_POINTS,
        },
    )
    inner = {"shop-1/PKG-INFO": METADATA, "shop-1/src/shop.egg-info/entry_points.txt": ENTRY_POINTS}
    for found in (
        said_by(one),
        said_by(sdist(tmp_path / "shop-1.tar.gz", inner)),
        said_by(wheel(tmp_path / "shop-1.zip", inner)),
    ):
        assert found.summary
        assert found.summary.value == "Sells things"
        assert found.license
        assert found.license.value == "MIT"
        assert found.homepage
        assert found.homepage.value == "https://example.com/shop"
        assert found.requires_python
        assert found.requires_python.value == ">=3.10"
        assert list(found.commands) == ["shop"]


def test_programs_of_a_wheel_are_commands(tmp_path: Path) -> None:
    members = {
        "shop-1.dist-info/METADATA": METADATA,
        "shop/__main__.py": b"",
        "shop-1.data/scripts/shopctl": b"#!python\n",
        "shop-1.data/scripts/shop.cmd": b"@echo off\n",
        "shop-1.data/scripts/native": b"\x7fELF",
        "shop-1.data/purelib/run": b"#!python\n",
    }
    found = said_by(wheel(tmp_path / "a.whl", members))
    assert {name: said.value for name, said in found.commands.items()} == {
        "shopctl": "shopctl",
        "native": "native",
    }
    del members["shop-1.data/scripts/shopctl"], members["shop-1.data/scripts/native"]
    found = said_by(wheel(tmp_path / "b.whl", members))
    assert {name: said.value for name, said in found.commands.items()} == {"shop": "python -m shop"}


def test_silence_is_no_fault(tmp_path: Path) -> None:
    assert said_by(wheel(tmp_path / "x.whl", {"x-1.dist-info/WHEEL": b""})) == Findings()


def test_metadata_has_a_bound(tmp_path: Path) -> None:
    large = wheel(tmp_path / "x.whl", {"x-1.dist-info/METADATA": b"Summary: x\n" * 400_000})
    with pytest.raises(SourceError, match="cannot be read"):
        said_by(large)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damage_is_one_error_or_harmless(tmp_path: Path, data: st.DataObject) -> None:
    members = {"shop-1.dist-info/METADATA": METADATA}
    make = data.draw(st.sampled_from([wheel, sdist]))
    content = bytearray(make(tmp_path / "x", members).read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=8)):
        content[place] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    (tmp_path / "x").write_bytes(content)
    with contextlib.suppress(SourceError):
        said_by(tmp_path / "x")


def test_what_wheels_bring_can_be_started(tmp_path: Path) -> None:
    path = wheel(
        tmp_path / "shop-1-py3-none-any.whl",
        {
            "shop/cli.py": b"",
            "shop-1.data/purelib/shop/extra.py": b"",
            "shop-1.data/scripts/shopctl": b"#!python\n",
            "shop-1.dist-info/entry_points.txt": b"[console_scripts]\nshop = shop.cli:main\n",
        },
    )
    brought = Startable()
    brought.add(path, path.name)
    assert {"shop.cli", "shop.extra"} <= brought.modules
    assert (brought.scripts, brought.programs) == ({"shop": "shop.cli:main"}, {"bin/shopctl"})
    path.write_bytes(b"PK")
    with pytest.raises(SourceError, match="cannot be read"):
        brought.add(path, path.name)
