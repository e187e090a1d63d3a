from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.errors import DefinitionError
from omnibuild.sources.python.project.declared import project_requirements
from omnibuild.sources.python.project.settings import refuse_unobeyed

PROJECT = '[project]\nname = "shop"\nversion = "1"\ndependencies = ["mylib", "flask>=3"]\n'


def refused(directory: Path, text: str) -> DefinitionError:
    (directory / "pyproject.toml").write_text(text)
    with pytest.raises(DefinitionError) as caught:
        project_requirements(directory)
    return caught.value


def unobeyed(directory: Path, text: str) -> DefinitionError:
    (directory / "pyproject.toml").write_text(text)
    with pytest.raises(DefinitionError) as caught:
        refuse_unobeyed(directory)
    return caught.value


def test_requirements_of_a_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    assert list(map(str, project_requirements(tmp_path) or ())) == ["mylib", "flask>=3"]


@pytest.mark.parametrize(
    "text",
    ["-e /path", "/path", "-r /etc/passwd", "x\\n--index-url http://x"],
)
def test_each_is_refused_with_its_place(tmp_path: Path, text: str) -> None:
    lines = f'[project]\nname = "shop"\ndependencies = [\n  "fine",\n  "{text}",\n]\n'
    error = refused(tmp_path, lines)
    assert error.code == "definition"
    assert error.where is not None
    assert (error.where.file, error.where.line) == (str(tmp_path / "pyproject.toml"), 5)


def test_all_of_them_are_told_at_once(tmp_path: Path) -> None:
    error = refused(tmp_path, '[project]\ndependencies = ["-e .", 3, "ok", "/x"]\n')
    assert [problem.where.column for problem in error.problems] == [17, 25, 34]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[tool.uv.pip]\nextra-index-url = ["https://x"]', "tool.uv.pip.extra-index-url"),
        ('[[tool.pdm.source]]\nurl = "https://x"', "tool.pdm.source"),
    ],
)
def test_what_is_not_obeyed_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    error = unobeyed(tmp_path, PROJECT + text)
    assert f"`{named}`" in error.what
    assert error.where is not None
    assert error.where.line > 4


@pytest.mark.parametrize(
    "text",
    [
        '[tool.uv.sources]\nlinter = { path = "../linter" }',
        "[tool.uv]\nconstraint-dependencies = []",
        '[tool.uv]\ndev-dependencies = ["pytest"]',
        '[tool.poetry.dependencies]\npython = "^3.11"\nmylib = "^1"',
    ],
)
def test_what_concerns_none_of_the_requirements_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(PROJECT + text)
    refuse_unobeyed(tmp_path)


def test_settings_in_uvs_own_file(tmp_path: Path) -> None:
    (tmp_path / "uv.toml").write_text("no-index = true\n")
    error = unobeyed(tmp_path, PROJECT)
    assert "`no-index`" in error.what
    assert error.where is not None
    assert error.where.file == str(tmp_path / "uv.toml")


@pytest.mark.parametrize("text", ["", "project = 3", "[project]\ndynamic = ['dependencies']"])
def test_a_project_that_lists_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    assert project_requirements(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["[project]\ndependencies = 'flask'", "[project]\ndependencies = {a = 1}"]
)
def test_a_project_that_lists_something_else(tmp_path: Path, text: str) -> None:
    refused(tmp_path, text)


def test_no_project_at_all(tmp_path: Path) -> None:
    assert project_requirements(tmp_path) is None
