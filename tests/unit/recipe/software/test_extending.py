from __future__ import annotations

import re
from pathlib import Path

import pytest

from omnibuild.errors import CycleError, DefinitionError, UnknownNameError
from omnibuild.recipe.definitions import Definitions
from tests.unit.recipe.samples import GOLDEN, SOFTWARE, assert_golden, workspace

WRONG = GOLDEN / "workspace/software"
CASES = sorted(path.stem for path in WRONG.glob("*.toml") if path.stem != "base")
KINDS = {"round": CycleError, "and-round": CycleError, "itself": CycleError}


@pytest.mark.parametrize("case", CASES)
def test_golden_messages(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(WRONG)
    with pytest.raises(DefinitionError) as caught:
        Definitions(WRONG.parent).software(case)
    text = str(caught.value).replace(f"{WRONG.parent}/", "")
    assert_golden(WRONG / f"{case}.txt", text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text)
    expected = {"unknown": UnknownNameError}.get(case, KINDS.get(case, DefinitionError))
    assert type(caught.value) is expected


def test_a_definition_of_another_version_is_five_lines(tmp_path: Path) -> None:
    directory = workspace(tmp_path) / "software"
    (directory / "zlib.toml").write_text('patches = ["zlib.patch"]\n' + SOFTWARE)
    (directory / "zlib.patch").write_text("")
    (directory / "zlib-1.2.toml").write_text(
        'name = "zlib-1.2"\nversion = "1.2.13"\nextends = "zlib"\nneeds = ["bzip2"]\n'
        f'source = {{ sha256 = "{"0" * 64}", places = ["https://example.org/zlib-1.2.13.tar"] }}'
    )
    found = Definitions(tmp_path).software("zlib-1.2")
    base = Definitions(tmp_path).software("zlib").software
    assert (found.software.name, found.software.version) == ("zlib-1.2", "1.2.13")
    assert found.software.source.places == ("https://example.org/zlib-1.2.13.tar",)
    assert (found.software.steps, found.software.test) == (base.steps, base.test)
    assert found.software.needs == ("bzip2",)
    assert found.path == directory / "zlib-1.2.toml"
    assert found.bases == (directory / "zlib.toml",)


def test_patches_lie_beside_the_file_that_names_them(tmp_path: Path) -> None:
    directory = workspace(tmp_path) / "software"
    (directory / "python-3.99.toml").write_text(
        'name = "python-3.99"\nversion = "3.99.0"\nextends = "python-3.13"\n'
    )
    found = Definitions(tmp_path).software("python-3.99")
    assert "python-own-name.patch" in found.patches
    assert all(path.is_file() for path in found.patches.values())
    assert directory not in {path.parent for path in found.patches.values()}
    (directory / "own.patch").write_text("")
    with (directory / "python-3.99.toml").open("a") as stream:
        stream.write('patches = ["own.patch"]\n')
    assert Definitions(tmp_path).software("python-3.99").patches == {
        "own.patch": directory / "own.patch"
    }


def test_a_definition_may_extend_the_one_of_its_name_that_ships(tmp_path: Path) -> None:
    directory = workspace(tmp_path) / "software"
    (directory / "zlib.toml").write_text(
        'name = "zlib"\nextends = "zlib"\nenvironment = { EXTRA = "1" }\n'
    )
    found = Definitions(tmp_path).software("zlib")
    assert found.software.environment == {"EXTRA": "1"}
    assert found.software.steps == Definitions(GOLDEN).software("zlib").software.steps


def test_extending_goes_over_several_files(tmp_path: Path) -> None:
    directory = workspace(tmp_path) / "software"
    for name, base in (("bb", "zlib"), ("cc", "bb")):
        (directory / f"{name}.toml").write_text(f'name = "{name}"\nextends = "{base}"\n')
    found = Definitions(tmp_path).software("cc")
    assert [path.stem for path in found.bases] == ["bb", "zlib"]
    assert found.software.version == "1.3.1"
