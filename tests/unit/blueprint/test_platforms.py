"""What a platform's packages cannot have is refused before anything is built."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from omnibuild.blueprint.app import plan_app
from omnibuild.errors import DefinitionError
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.loader import load
from omnibuild.recipe.models import Recipe
from omnibuild.recipe.models.package import HostFile

CHECKOUT = Path(__file__).resolve().parents[3]


def plan(platform: str, **said: object) -> None:
    definitions = Definitions(CHECKOUT)
    recipe, path = definitions.recipe("hello")
    file = msgspec.convert({"source": "../examples/hello/pyproject.toml", **said}, HostFile)
    recipe = msgspec.structs.replace(recipe, files={"/opt/hello/share/x": file})
    plan_app(definitions, recipe, path, [definitions.platform(platform)[0]])


def test_all_that_formats_cannot_say_is_told_at_once_and_where(tmp_path: Path) -> None:
    path = tmp_path / "shop.toml"
    path.write_text(
        '[app]\nname = "shop"\nversion = "1.0+here"\nsummary = "x"\nlicense = "MIT"\n'
        'maintainer = "T <t@example.com>"\n[software]\nzlib = "1.3"\n'
        '[package]\nuser = "shop"\ndepends = ["bash", "aa | bb"]\n'
        '[package.apk]\nconflicts = ["aa bb"]\n[files]\n'
        '"/opt/shop/x" = { source = "shop.toml", owner = "shop" }\n'
    )
    definitions = Definitions(CHECKOUT)
    recipe = load(path, Recipe)
    platforms = [definitions.platform(name)[0] for name in ("wolfi", "arch", "yocto")]
    with pytest.raises(DefinitionError) as caught:
        plan_app(definitions, recipe, path, platforms)
    lines = [(each.where.line, each.where.column) for each in caught.value.problems]
    assert lines == [(3, 11), (11, 20), (11, 20), (13, 14), (15, 17)]
    assert "of the format apk and archlinux and ipk give files" in str(caught.value)


@pytest.mark.parametrize(
    "said", [{"owner": "hello"}, {"group": "hello"}, {"capabilities": "cap_net_raw=ep"}]
)
def test_rights_of_files_that_a_format_cannot_give(said: dict[str, str]) -> None:
    plan("debian-12", **said)
    plan("arch", **said, formats=["deb"])
    with pytest.raises(DefinitionError, match="neither an owner nor capabilities") as caught:
        plan("arch", **said)
    assert "leave it out of these" in str(caught.value.hint)
