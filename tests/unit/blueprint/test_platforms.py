"""What a platform's packages cannot have is refused before anything is built."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from omnibuild.blueprint.app import plan_app
from omnibuild.errors import DefinitionError
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.models.package import HostFile

CHECKOUT = Path(__file__).resolve().parents[3]


def plan(platform: str, **said: object) -> None:
    definitions = Definitions(CHECKOUT)
    recipe, path = definitions.recipe("hello")
    file = msgspec.convert({"source": "../examples/hello/pyproject.toml", **said}, HostFile)
    recipe = msgspec.structs.replace(recipe, files={"/opt/hello/share/x": file})
    plan_app(definitions, recipe, path, [definitions.platform(platform)[0]])


@pytest.mark.parametrize(
    "said", [{"owner": "hello"}, {"group": "hello"}, {"capabilities": "cap_net_raw=ep"}]
)
def test_rights_of_files_that_a_format_cannot_give(said: dict[str, str]) -> None:
    plan("debian-12", **said)
    plan("arch", **said, formats=["deb"])
    with pytest.raises(DefinitionError, match="neither an owner nor capabilities") as caught:
        plan("arch", **said)
    assert "leave it out of these" in str(caught.value.hint)
