from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.documents.said import changes_of, said_of
from omnibuild.errors import DefinitionError
from omnibuild.recipe.definitions import Definitions
from omnibuild.recipe.models import Recipe

RECIPE = """\
[app]
name = "shop"
version = "1.0"
summary = "The web shop"
license = "MIT"
maintainer = "Shop team <shop@example.com>"

[package]
{package}

[software]
zlib = "1.3.1"
"""
CHANGES = "## [1.0] - 2024-05-31\n- The first\n"


def recipe(directory: Path, package: str) -> tuple[Recipe, Path]:
    (directory / "omnibuild.toml").write_text(RECIPE.format(package=package))
    return Definitions(directory).recipe(str(directory / "omnibuild.toml"))


def test_nothing_is_said(tmp_path: Path) -> None:
    assert set(said_of(*recipe(tmp_path, ""))) == {"libraries"}


def test_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text(CHANGES)
    (tmp_path / "shop.1").write_text(".TH shop 1\n")
    found = said_of(*recipe(tmp_path, 'changelog = "CHANGELOG.md"\nmanuals = ["shop.1"]'))
    (change,) = found["changes"]
    assert (change["version"], change["items"]) == ("1.0", ["The first"])
    assert change["author"] == "Shop team <shop@example.com>"
    assert found["manuals"] == {"shop.1": ".TH shop 1\n"}


@pytest.mark.parametrize(
    ("package", "line", "what"),
    [
        ('changelog = "missing.md"', 9, "missing.md` cannot be read"),
        ('changelog = "."', 9, "cannot be read"),
        ('changelog = "binary"', 9, "cannot be read"),
        ('changelog = { from = "git" }', 9, "no commit"),
        ('manuals = ["binary"]', 9, "not called like a manual page"),
        ('manuals = ["a/x.1", "x.1"]', 9, "cannot be read"),
        ('manuals = ["x.1", "b/x.1"]', 9, "two manual pages are called `x.1`"),
        ('manuals = ["empty.1"]', 9, "is empty"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(
    tmp_path: Path, package: str, line: int, what: str
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "x.1").write_text(".TH x 1\n")
    (tmp_path / "empty.1").write_text(" \n")
    with pytest.raises(DefinitionError, match=what) as caught:
        said_of(*recipe(tmp_path, package))
    assert caught.value.where.line == line or caught.value.problems[0].where.line == line


def test_mistakes_of_a_changelog_have_its_own_lines(tmp_path: Path) -> None:
    (tmp_path / "CHANGELOG.md").write_text("# x\n\n## [1.0]\n")
    with pytest.raises(DefinitionError, match="has no date") as caught:
        changes_of(*recipe(tmp_path, 'changelog = "CHANGELOG.md"'))
    assert caught.value.where.line == 3
    assert caught.value.where.file.endswith("CHANGELOG.md")
