from __future__ import annotations

import os
from pathlib import Path

import pytest

from omnibuild.errors import DefinitionError, OmnibuildError, UnknownNameError, UsageError
from omnibuild.recipe.definitions import Definitions
from tests.unit.recipe.samples import RECIPE, workspace

ALONE = """\
[app]
name = "shop"
version = "1.4.2"
summary = "The web shop"
license = "MIT"
maintainer = "Shop team <shop@example.com>"

[source]
path = "."

[python]
version = "3.13"
lock = "pylock.shop.toml"
"""
IN_PYPROJECT = '[project]\nname = "shop"\n\n' + ALONE.replace("[", "[tool.omnibuild.")


@pytest.fixture(params=["omnibuild.toml", "pyproject.toml"])
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    text = ALONE if request.param == "omnibuild.toml" else IN_PYPROJECT
    (tmp_path / request.param).write_text(text)
    return tmp_path / request.param


def test_a_project_has_its_recipe_itself(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Definitions(tmp_path)
    recipe, path = found.recipe()
    assert (recipe.app.name, path) == ("shop", project)
    assert found.recipe("shop") == (recipe, path)
    assert "shop" in found.names("recipes")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in (str(tmp_path), str(project)):
        assert Definitions(elsewhere).recipe(name) == (recipe, path)
    monkeypatch.chdir(tmp_path)
    for name in (".", f"./{project.name}", project.name):
        assert Definitions(Path()).recipe(name)[0] == recipe


def test_mistakes_are_placed_in_the_file_that_has_them(project: Path, tmp_path: Path) -> None:
    text = project.read_text().replace('"1.4.2"', '"v1"').replace('license = "MIT"\n', "")
    project.write_text(text)
    with pytest.raises(DefinitionError) as caught:
        Definitions(tmp_path).recipe()
    first, second = sorted(caught.value.problems, key=lambda each: "version" in each.what)
    app = text.splitlines().index("[tool.omnibuild.app]" if "tool" in text else "[app]") + 1
    assert "license" in first.what
    assert (first.where.file, first.where.line) == (str(project), app)
    assert (second.where.line, second.where.column) == (app + 2, 11)
    assert 'version = "v1"' in second.excerpt


def test_a_project_beside_is_known_by_its_directory(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "above/mall").mkdir(parents=True)
    project.rename(tmp_path / "above/mall" / project.name)
    monkeypatch.chdir(tmp_path / "above")
    assert Definitions(Path()).recipe("mall")[0].app.name == "shop"
    # Names of recipes come first.
    workspace(tmp_path / "above")
    (tmp_path / "above/recipes/shop.toml").rename(tmp_path / "above/recipes/mall.toml")
    assert Definitions(Path()).recipe("mall")[1].name == "mall.toml"


def test_the_only_recipe_of_a_workspace_needs_no_name(tmp_path: Path) -> None:
    found = Definitions(workspace(tmp_path))
    assert found.recipe()[1] == tmp_path / "recipes/shop.toml"
    (tmp_path / "recipes/stall.toml").write_text(RECIPE)
    with pytest.raises(UsageError) as caught:
        Definitions(tmp_path).recipe()
    assert "`shop`, `stall`" in caught.value.why


def test_a_recipe_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "omnibuild-less"\n')
    for name, said in (
        ("", "there is no recipe in"),
        ("empty", "there is no recipe in empty"),
        (str(tmp_path), "there is no recipe in"),
        (str(tmp_path / "pyproject.toml"), "there is no recipe in it"),
        (str(tmp_path / "nowhere"), "no such file or directory"),
        (str(tmp_path / "pyproject.toml" / "x"), "no such file or directory"),
    ):
        with pytest.raises(UnknownNameError, match=said):
            Definitions(tmp_path).recipe(name)


def test_two_recipes_of_one_name(tmp_path: Path) -> None:
    workspace(tmp_path)
    (tmp_path / "omnibuild.toml").write_text(ALONE)
    with pytest.raises(DefinitionError, match="two recipes are called `shop`"):
        Definitions(tmp_path).recipe("shop")
    assert Definitions(tmp_path).recipe(str(tmp_path / "omnibuild.toml"))
    (tmp_path / "pyproject.toml").write_text(IN_PYPROJECT)
    with pytest.raises(DefinitionError, match="this project has two recipes"):
        Definitions(tmp_path).recipe()


def test_the_project_of_others_hinders_no_named_recipe(tmp_path: Path) -> None:
    workspace(tmp_path)
    for content in (b"not toml [", b"\xff\xfe", b'[tool]\nomnibuild = "no table"\n'):
        (tmp_path / "pyproject.toml").write_bytes(content)
        assert Definitions(tmp_path).recipe("shop")[0].app.name == "shop"
    (tmp_path / "pyproject.toml").unlink()
    os.mkfifo(tmp_path / "pyproject.toml")
    assert Definitions(tmp_path).recipe("shop")[0].app.name == "shop"


@pytest.mark.parametrize("content", [b"omnibuild [", b"\xff", b"[app]\nname = 3\n", b""])
def test_a_broken_recipe_of_a_project_is_told(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "omnibuild.toml").write_bytes(content)
    with pytest.raises(OmnibuildError):
        Definitions(tmp_path).recipe()
