"""Versions that a recipe leaves to its project; and what is said where both disagree."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from omnibuild.blueprint.python.packages import oddities
from omnibuild.blueprint.versions import not_committed, read_recipe
from omnibuild.errors import DefinitionError
from omnibuild.recipe.definitions import Definitions

RECIPE = """\
[app]
name = "shop"
version = {version}
summary = "A shop"
license = "MIT"
maintainer = "Tester <tester@example.com>"

[source]
{source}

[python]
version = "3.13"
{rest}
"""
PROJECT = 'path = "../shop"'
FROM = '{ from = "project" }'


def version(base: Path, said: str = FROM, source: str = PROJECT, rest: str = "") -> str:
    (base / "recipes").mkdir(exist_ok=True)
    (base / "shop").mkdir(exist_ok=True)
    text = RECIPE.format(version=said, source=source, rest=rest)
    (base / "recipes/shop.toml").write_text(text)
    return read_recipe(Definitions(base), "shop")[0].app.release


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": '[project]\nname = "shop"\nversion = "1.2"'},
        {"pyproject.toml": '[tool.poetry]\nname = "shop"\nversion = "1.2"'},
        {"setup.py": 'from setuptools import setup\nsetup(name="shop", version="1.2")'},
        {"setup.cfg": "[metadata]\nname = shop\nversion = 1.2"},
        {
            "pyproject.toml": '[project]\nname = "shop"\ndynamic = ["version"]\n'
            '[tool.setuptools.dynamic]\nversion = { attr = "shop.meta.RELEASE" }',
            "src/shop/meta.py": 'RELEASE = "1.2"',
        },
        {
            "pyproject.toml": '[project]\nname = "shop"\n'
            '[tool.setuptools.dynamic]\nversion = { file = "VERSION" }',
            "VERSION": "1.2\n",
        },
        {
            "pyproject.toml": '[project]\nname = "shop"\n[tool.hatch.version]\npath = "a/about.py"',
            "a/about.py": '__version__ = "1.2"',
        },
        {"pyproject.toml": '[project]\nname = "shop"', "shop/__init__.py": '__version__ = "1.2"'},
    ],
)
def test_where_projects_declare_it(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    assert version(tmp_path) == "1.2"


def test_of_a_package_of_the_index(tmp_path: Path) -> None:
    assert version(tmp_path, source='index = "shop==4.5.1"') == "4.5.1"


def test_of_git(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    for words in (
        ("init", "--quiet"),
        ("-c", "user.name=T", "-c", "user.email=t@x", "commit", "--allow-empty", "-m", "1"),
        ("tag", "v3.1rc2"),
    ):
        subprocess.run(["git", *words], cwd=tmp_path / "shop", check=True, capture_output=True)
    assert version(tmp_path, '{ from = "git" }') == "3.1rc2"


@pytest.mark.parametrize(
    ("said", "text", "what"),
    [
        (FROM, '[project]\nname = "shop"\ndynamic = ["version"]', "declare no version"),
        (FROM, '[project]\nname = "shop"\nversion = "v 1"', "'v 1' is no version"),
        ('{ from = "git" }', "", "no tag like v1.4"),
        ('{ from = "svn" }', "", "svn"),
    ],
)
def test_where_there_is_none(tmp_path: Path, said: str, text: str, what: str) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/pyproject.toml").write_text(text)
    with pytest.raises(DefinitionError, match=what) as caught:
        version(tmp_path, said)
    assert caught.value.where is not None
    assert (caught.value.where.file, caught.value.where.line) == (
        str(tmp_path / "recipes/shop.toml"),
        3,
    )


def test_what_disagrees_is_told_with_both_values(tmp_path: Path) -> None:
    project = tmp_path / "shop/pyproject.toml"
    project.parent.mkdir()
    (tmp_path / "shop/mall").mkdir()
    (tmp_path / "shop/mall/__init__.py").touch()
    (tmp_path / "shop/mall/wsgi.py").touch()
    project.write_text('[project]\nname = "mall"\nversion = "1.2"')
    web = '[web]\nserver = "gunicorn"\napp = "mall.wsgy:app"'
    assert version(tmp_path, '"9.9"', rest=web) == "9.9"
    recipe, path = read_recipe(Definitions(tmp_path), "shop")
    assert oddities(recipe, path) == (
        "shop serves mall.wsgy, and its source has no such module, but mall.wsgi",
        "shop is packaged as version 9.9, and its source says 1.2",
        "shop is packaged, and its source is called mall",
    )
    project.write_text('[project]\nname = "Shop"\nversion = "1.2"\nrequires-python = "==3.12.*"')
    version(tmp_path, '"1.2"', rest='[commands]\nshop = "python -m mall"')
    assert oddities(*read_recipe(Definitions(tmp_path), "shop")) == (
        "shop gets CPython 3.13, and its source requires Python ==3.12.*",
    )
    project.write_text('[project]\nname = "Shop_Server"\nversion = "1.2"')
    version(tmp_path, '"1.2"', rest=web.replace("wsgy", "wsgi"))
    assert not oddities(*read_recipe(Definitions(tmp_path), "shop"))
    version(tmp_path, '"1.2"')
    (said,) = oddities(*read_recipe(Definitions(tmp_path), "shop"))
    assert said.startswith("shop starts nothing and has no commands; write what runs: [web]")


def test_why_a_version_is_marked_is_told(tmp_path: Path) -> None:
    said = '{ from = "git" }'
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/app.py").write_text("")
    who = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    for words in ("init", "add .", "commit --message one", "tag v2.3.0"):
        command = ["git", *who, *words.split()]
        subprocess.run(command, cwd=tmp_path / "shop", check=True, capture_output=True)
    definitions = Definitions(tmp_path)
    assert not_committed(definitions, "shop", version(tmp_path, said)) == ()
    for name in "abcde":
        (tmp_path / f"shop/{name}.py").write_text("")
    marked = version(tmp_path, said)
    assert not_committed(definitions, "shop", marked) == (
        f"the version is {marked}: not committed are a.py, b.py, c.py and 2 more;"
        " commit or ignore them, then tag",
    )
    # A version that the recipe says itself is nobody's business.
    written = version(tmp_path, '"1.0+a.dirty"')
    assert not_committed(definitions, "shop", written) == ()
