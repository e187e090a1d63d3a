"""Packages that no index has: directories, members of a workspace."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from omnibuild import pipeline
from omnibuild.errors import DefinitionError, LockError
from omnibuild.locking.lock import Locked, check
from omnibuild.recipe.lock import build_group, load_lock
from tests.integration.locking.test_lock import selected
from tests.integration.locking.test_pins import uv_lock
from tests.integration.locking.workspaces import PROJECT, Shop, pure
from tests.unit.sources.python.samples import publish
from tests.unit.transfer.server import running

MEMBER = """\
[build-system]
requires = ["flit-core<2"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
version = "{version}"
dependencies = [{requires}]
{more}
"""


def member(
    base: Path, name: str, *requires: str, version: str = "7", more: str = "", place: str = ""
) -> None:
    directory = base / (place or name)
    directory.mkdir(parents=True, exist_ok=True)
    listed = ", ".join(f'"{each}"' for each in requires)
    text = MEMBER.format(name=name, version=version, requires=listed, more=more)
    (directory / "pyproject.toml").write_text(text)


def trees(made: Locked) -> dict[str, tuple[str, str]]:
    found = load_lock(made.path).trees("3.13")
    return {tree.package: (tree.directory, tree.version) for tree in found}


@pytest.fixture
def strangers(shop: Shop) -> Shop:
    """A shop whose own packages a stranger has published, too."""
    for name in ("lib", "inner", "other"):
        shop.packages[name] = pure(name, "1", "99")
    return shop


def test_directories_and_what_they_lead_to(strangers: Shop, tmp_path: Path) -> None:
    shop = strangers
    shop.project = PROJECT + '\n[tool.uv.sources]\nLib = { path = "../lib", editable = true }\n'
    inner = '[tool.uv.sources]\ninner = { path = "../deep/inner" }'
    member(tmp_path, "lib", "inner[more]>=2", more=inner)
    extra = '[project.optional-dependencies]\nmore = ["other<2"]'
    member(tmp_path, "inner", version="2.1", more=extra, place="deep/inner")
    made = shop.lock()
    assert trees(made) == {"lib": ("../lib", "7"), "inner": ("../deep/inner", "2.1")}
    assert selected(made) == {"other": "1"}
    asked = {path for path, _ in shop.server.requests}
    assert not asked & {"/simple/lib/", "/simple/inner/"}
    # Each is built with what it says, and a reader of the standard finds it.
    assert selected(made, build_group("inner")) == {"build": "1", "flit-core": "1"}
    data = tomllib.loads(made.path.read_text())
    (package,) = (each for each in data["packages"] if each["name"] == "lib")
    assert package["directory"] == {"path": "../lib"}
    assert "version" not in package
    assert shop.lock().path.read_bytes() == made.path.read_bytes()
    # Their code is as it is; what they require is what was locked.
    assert check(shop.settings(), "shop")
    planned = pipeline.plan(shop.settings(), "shop")
    assert {"source:lib", "source:inner"} <= {action.name for action in planned.plan}
    member(tmp_path, "lib", "inner[more]>=2", "six", more=inner)
    with pytest.raises(LockError) as caught:
        pipeline.plan(shop.settings(), "shop")
    assert "six, which lib requires is a rule of the project, and was not" in caught.value.why


def test_what_others_require_is_no_way_around(strangers: Shop, tmp_path: Path) -> None:
    shop = strangers
    shop.packages["web"] = pure("web", "1", requires=("lib",))
    shop.project = PROJECT.replace('"lib>=1"', '"web"')
    shop.project += '\n[tool.uv.sources]\nlib = { path = "../lib" }\n'
    member(tmp_path, "lib")
    made = shop.lock()
    assert trees(made).keys() == {"lib"}
    assert selected(made) == {"web": "1"}
    member(tmp_path, "lib", version="0.1")
    shop.packages["web"] = pure("web", "1", requires=("lib>=1",))
    with pytest.raises(LockError, match="cannot be resolved"):
        shop.lock()


WORKSPACE = """\
[tool.uv.workspace]
members = ["packages/*"]
exclude = ["packages/old"]

[tool.uv]
constraint-dependencies = ["other<2"]

[tool.uv.sources]
inner = { workspace = true }
"""


@pytest.mark.parametrize("pinned", [False, True])
def test_members_of_a_workspace(strangers: Shop, tmp_path: Path, pinned: bool) -> None:
    shop = strangers
    (tmp_path / "pyproject.toml").write_text(WORKSPACE.replace("packages/*", 'packages/*", "shop'))
    member(tmp_path, "lib", "inner", "other", place="packages/one")
    member(tmp_path, "inner", place="packages/two")
    member(tmp_path, "inner", place="packages/old")
    shop.project = PROJECT + "\n[tool.uv.sources]\nlib = { workspace = true }\n"
    shop.write()
    if pinned:
        uv_lock(shop, tmp_path)
        assert (tmp_path / "uv.lock").exists()
    made = shop.lock()
    assert trees(made) == {"lib": ("../packages/one", "7"), "inner": ("../packages/two", "7")}
    assert selected(made) == {"other": "1"}


def test_of_poetry(strangers: Shop, tmp_path: Path) -> None:
    strangers.project = PROJECT + '\n[tool.poetry.dependencies]\nlib = { path = "../lib" }\n'
    member(tmp_path, "lib", "other<2")
    made = strangers.lock()
    assert trees(made) == {"lib": ("../lib", "7")}
    assert selected(made) == {"other": "1"}


def test_what_is_not_there_or_something_else(strangers: Shop, tmp_path: Path) -> None:
    shop = strangers
    shop.project = PROJECT + '\n[tool.uv.sources]\nlib = { path = "../lib" }\n'
    with pytest.raises(DefinitionError, match="lib is required, and its directory is not there"):
        shop.lock()
    member(tmp_path, "another", place="lib")
    with pytest.raises(DefinitionError, match="what is there is called another"):
        shop.lock()
    shop.project = PROJECT + "\n[tool.uv.sources]\nlib = { workspace = true }\n"
    with pytest.raises(DefinitionError, match="no member of the workspace is called `lib`"):
        shop.lock()


def test_an_index_that_a_directory_names(strangers: Shop, tmp_path: Path) -> None:
    shop = strangers
    shop.project = PROJECT + '\n[tool.uv.sources]\nlib = { path = "../lib" }\n'
    with running() as corp:
        url = publish(corp, other=pure("other", "3"))
        more = f"""
[[tool.uv.index]]
name = "corp"
url = "{url}"
explicit = true

[tool.uv.sources]
other = {{ index = "corp" }}
"""
        member(tmp_path, "lib", "other", more=more)
        assert selected(shop.lock()) == {"other": "3"}
    member(tmp_path, "lib", "other", more='[tool.uv.sources]\nother = { url = "https://x/y.whl" }')
    with pytest.raises(DefinitionError, match=r"tool\.uv\.sources\.other"):
        shop.lock()
