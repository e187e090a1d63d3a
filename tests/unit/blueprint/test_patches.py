"""The text of patches, as it is in keys and as it is applied."""

from pathlib import Path

import pytest

from omnibuild.blueprint.components import Components
from omnibuild.errors import DefinitionError
from omnibuild.recipe.definitions import Definitions
from tests.unit.recipe.samples import SOFTWARE, workspace


def planned(tmp_path: Path, patch: bytes) -> list[str]:
    directory = workspace(tmp_path) / "software"
    (directory / "zlib.toml").write_text(f'patches = ["fix.patch"]\n{SOFTWARE}')
    (directory / "fix.patch").write_bytes(patch)
    components = Components(Definitions(tmp_path), "bullseye")
    texts: list[str] = components.actions[components.add("zlib")].parameters["patches"]
    return texts


def test_line_ends_are_as_they_are(tmp_path: Path) -> None:
    assert planned(tmp_path, b"-one\r\n+two\r\n") == ["-one\r\n+two\r\n"]


def test_another_encoding_is_told(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="patch of zlib is not UTF-8") as caught:
        planned(tmp_path, b"+caf\xe9\n")
    assert "position 4" in caught.value.why
