from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from omnibuild.errors import DefinitionError
from omnibuild.kinds.component import _script, licence_names, licence_texts
from tests.unit.recipe.samples import assert_golden


def test_licences_keep_their_path_only_where_names_clash() -> None:
    assert licence_names(["LICENSE", "doc/COPYING", "lib/vendored/LICENSE"]) == {
        "LICENSE": "LICENSE",
        "doc/COPYING": "COPYING",
        "lib/vendored/LICENSE": "lib/vendored/LICENSE",
    }


@pytest.mark.parametrize(
    ("paths", "golden"),
    [
        (("COPYING", "README", "License.md"), "licence-file.txt"),
        (("README",), "licence-file.none.txt"),
    ],
)
def test_a_licence_file_that_is_not_there(
    paths: tuple[str, ...], golden: str, tmp_path: Path
) -> None:
    for path in paths:
        (tmp_path / path).write_text("text")
    definition = tmp_path / "tiny.toml"
    definition.write_text('name = "tiny"\nlicense-files = ["LICENSE"]\n')
    with pytest.raises(DefinitionError) as caught:
        licence_texts("tiny", ["LICENSE"], tmp_path, definition)
    said = str(caught.value).replace(f"{tmp_path}/", "")
    assert_golden(Path(__file__).parent / "golden" / golden, said)
    for path in paths:
        kept = f"share/licenses/tiny/{path}"
        assert licence_texts("tiny", [path], tmp_path, definition) == {kept: b"text"}


def test_a_licence_file_is_of_the_source(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    (tmp_path / "LICENSE").write_text("of somebody else")
    definition = tmp_path / "tiny-2.toml"
    definition.write_text('extends = "tiny"\nname = "tiny-2"\n')
    for path in ("../LICENSE", str(tmp_path / "LICENSE")):
        with pytest.raises(DefinitionError) as caught:
            licence_texts("tiny", [path], tmp_path / "source", definition)
    # It says nothing of licences itself: its place is where it takes them from.
    assert str(caught.value.where) == f"{definition}:1:11"


def test_a_patch_keeps_its_line_ends(tmp_path: Path) -> None:
    text = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\r\n+two\r\n"
    action = SimpleNamespace(
        parameters={"patches": [text], "steps": []}, places={"patches": ["x.patch"]}
    )
    script = _script(SimpleNamespace(action=action), tmp_path / "src")  # type: ignore[arg-type]
    assert "/build/1.patch" in script
    assert (tmp_path / "1.patch").read_bytes() == text.encode()
