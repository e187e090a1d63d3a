"""Extras and dependency groups of a project that a recipe chooses, wherever they are declared."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from omnibuild import pipeline
from omnibuild.errors import DefinitionError, LockError
from tests.integration.locking.test_lock import selected
from tests.integration.locking.test_pins import uv_lock
from tests.integration.locking.workspaces import PROJECT, Shop, pure
from tests.unit.sources.python.samples import wheel

OPTIONAL = """
[project.optional-dependencies]
Postgres_DB = ["psycopg"]
all = ["shop[postgres-db]", "six"]

[dependency-groups]
base = ["toml"]
Prod = [{ include-group = "base" }, "serving"]
"""


@pytest.fixture
def chosen(shop: Shop) -> Shop:
    """A shop with a choice of extras and groups, and packages for each."""
    for name in ("psycopg", "six", "toml", "serving"):
        shop.packages[name] = pure(name, "1", "2")
    shop.project = PROJECT + OPTIONAL
    return shop


def test_what_is_chosen_is_there_and_nothing_else(chosen: Shop) -> None:
    assert selected(chosen.lock()).keys() == {"lib"}
    chosen.python = 'extras = ["postgres-db"]'
    assert selected(chosen.lock()).keys() == {"lib", "psycopg"}
    # An extra may ask for others of its own project, a group may include another.
    chosen.python = 'extras = ["ALL"]\ngroups = ["prod"]'
    assert selected(chosen.lock()).keys() == {"lib", "psycopg", "serving", "six", "toml"}
    chosen.python = 'extras = ["all"]'
    chosen.write()
    with pytest.raises(LockError) as caught:
        pipeline.plan(chosen.settings(), "shop")
    assert "prod was a chosen dependency group, and is not any more" in caught.value.why


@pytest.mark.parametrize(
    ("python", "says", "knows"),
    [
        ('extras = ["postgres"]', "no extra `postgres`", "it has all, postgres-db"),
        ('groups = ["dev"]', "no dependency group `dev`", "it has base, prod"),
    ],
)
def test_unknown_ones_are_refused_with_the_known_ones(
    chosen: Shop, python: str, says: str, knows: str
) -> None:
    chosen.python = python
    with pytest.raises(DefinitionError, match=says) as caught:
        chosen.lock()
    assert caught.value.where is not None
    assert (caught.value.where.file, caught.value.where.line) == (str(chosen.recipe), 13)
    assert caught.value.problems[0].hint == knows


def test_groups_that_make_no_sense(chosen: Shop) -> None:
    chosen.python = 'groups = ["prod"]'
    chosen.project = chosen.project.replace('"base" }', '"prod" }')
    with pytest.raises(DefinitionError, match=r"the group `prod` is not valid: .*Cyclic"):
        chosen.lock()


def test_with_what_uv_has_pinned(chosen: Shop, tmp_path: Path) -> None:
    chosen.python = 'extras = ["all"]\ngroups = ["prod"]'
    chosen.write()
    uv_lock(chosen, tmp_path)
    for name in ("psycopg", "serving"):
        chosen.packages[name] = pure(name, "1", "2", "3")
    assert selected(chosen.lock()) == {
        **dict.fromkeys(("lib", "psycopg", "serving", "six", "toml"), "2")
    }


def test_with_what_poetry_has_pinned(chosen: Shop) -> None:
    chosen.project = """\
[build-system]
requires = ["flit-core>=1"]
build-backend = "flit_core.buildapi"

[tool.poetry]
name = "shop"
version = "1"

[tool.poetry.extras]
db = ["psycopg"]

[tool.poetry.group.prod.dependencies]
serving = "^1"
"""
    chosen.python = 'extras = ["db"]\ngroups = ["prod"]'
    with pytest.raises(DefinitionError, match="`prod` requires only Poetry can tell") as caught:
        chosen.lock()
    assert "poetry lock" in caught.value.problems[0].hint
    package = (
        '[[package]]\nname = "{}"\nversion = "1"\noptional = {}\ngroups = ["{}"]\n'
        'files = [{{file = "x", hash = "sha256:{}"}}]\n'
    )
    digests = {
        name: hashlib.sha256(chosen.packages[name][f"{name}-1-py3-none-any.whl"]).hexdigest()
        for name in ("lib", "psycopg", "serving", "six")
    }
    (chosen.directory / "poetry.lock").write_text(
        package.format("lib", "false", "main", digests["lib"])
        + package.format("psycopg", "true", "main", digests["psycopg"])
        + package.format("serving", "false", "prod", digests["serving"])
        + package.format("six", "false", "dev", digests["six"])
        + '[extras]\ndb = ["psycopg (>=1)"]\n'
    )
    assert selected(chosen.lock()) == {"lib": "1", "psycopg": "1", "serving": "1"}
    chosen.python = ""
    assert selected(chosen.lock()) == {"lib": "1"}


def test_with_what_pipenv_has_pinned(chosen: Shop) -> None:
    data = {
        name: {package: {"version": "==1"}}
        for name, package in (("default", "lib"), ("prod", "serving"), ("develop", "six"))
    }
    (chosen.directory).mkdir(exist_ok=True)
    (chosen.directory / "Pipfile.lock").write_text(json.dumps({"_meta": {}, **data}))
    chosen.project = PROJECT
    chosen.python = 'groups = ["prod"]'
    assert selected(chosen.lock()) == {"lib": "1", "serving": "1"}
    chosen.python = 'groups = ["stage"]'
    with pytest.raises(DefinitionError) as caught:
        chosen.lock()
    assert caught.value.problems[0].hint == "it has develop, prod"


def test_extras_of_a_package_of_the_index(chosen: Shop) -> None:
    chosen.source = 'index = "shop==1"'
    chosen.python = 'extras = ["db"]'
    extra = "Provides-Extra: db\n"
    (name,) = pure("shop", "1")
    requires = ('psycopg ; extra == "db"', f"lib\n{extra.rstrip()}")
    chosen.packages["shop"] = {name: wheel("shop", "1", requires=requires)}
    assert selected(chosen.lock()).keys() == {"lib", "psycopg", "shop"}
    chosen.python = 'extras = ["database"]'
    with pytest.raises(LockError, match="shop 1 has no extra `database`") as caught:
        chosen.lock()
    assert "it has db" in caught.value.hint
