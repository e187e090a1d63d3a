"""Which projects are built into a wheel, and which are used as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.recipe import located
from omnibuild.sources.python.backends import build_system, declare_build_system, is_built

PROJECT = '[project]\nname = "shop"\n'
SYSTEM = '[build-system]\nrequires = ["x"]\n'


@pytest.mark.parametrize(
    ("files", "built"),
    [
        ({}, False),
        ({"requirements.txt": "flask"}, False),
        ({"setup.py": ""}, True),
        ({"setup.cfg": ""}, True),
        ({"pyproject.toml": "[tool.ruff]\n"}, False),
        ({"pyproject.toml": SYSTEM}, True),
        ({"pyproject.toml": PROJECT}, True),
        ({"pyproject.toml": f"{PROJECT}[tool.uv]\n"}, False),
        ({"pyproject.toml": PROJECT, "uv.lock": ""}, False),
        ({"pyproject.toml": f"{PROJECT}[project.scripts]\na = 'b:c'\n[tool.uv]\n"}, True),
        ({"pyproject.toml": f"{PROJECT}[tool.uv]\npackage = true\n"}, True),
        ({"pyproject.toml": f"{PROJECT}{SYSTEM}[tool.uv]\npackage = false\n"}, False),
        ({"pyproject.toml": f"[tool.poetry]\npackage-mode = false\n{SYSTEM}"}, False),
        ({"pyproject.toml": f"[tool.poetry]\nname = 'x'\n{SYSTEM}"}, True),
        ({"pyproject.toml": "[tool.poetry]\nname = 'a-b'\n"}, False),
        ({"pyproject.toml": "[tool.poetry]\nname = 'A.b'\n", "a_b.py": ""}, True),
        ({"pyproject.toml": "[tool.poetry]\nname = 'a-b'\n", "src/a_b/__init__.py": ""}, True),
        ({"pyproject.toml": "[tool.poetry]\nname = 'a'\npackages = [{include = 'b'}]\n"}, True),
        ({"pyproject.toml": "project = 3\n[tool]\nuv = 3\n"}, False),
    ],
)
def test_is_built(tmp_path: Path, files: dict[str, str], built: bool) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert is_built(tmp_path) is built


@pytest.mark.parametrize(
    ("files", "backend"),
    [
        ({"setup.cfg": ""}, "setuptools.build_meta:__legacy__"),
        ({"pyproject.toml": "[tool.ruff]\n", "setup.cfg": ""}, "setuptools.build_meta:__legacy__"),
        ({"pyproject.toml": "[tool.poetry]\nname = 'a'", "a.py": ""}, "poetry.core.masonry.api"),
        # Frontends know what these are, and they stay as they are.
        ({"setup.py": "", "setup.cfg": ""}, ""),
        ({"pyproject.toml": f"{SYSTEM}build-backend = 'y'\n", "setup.cfg": ""}, ""),
        ({"pyproject.toml": PROJECT}, ""),
    ],
)
def test_frontends_are_told_what_only_its_own_tool_knows(
    tmp_path: Path, files: dict[str, str], backend: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    path = tmp_path / "pyproject.toml"
    before = path.read_text() if path.exists() else None
    expected = build_system(tmp_path)
    declare_build_system(tmp_path)
    if backend:
        assert expected.backend == backend
        assert build_system(tmp_path) == expected
        assert (before or "") in path.read_text()
        declared = located.read(path).data["build-system"]
        assert declared["build-backend"] == backend
    else:
        assert (path.read_text() if path.exists() else None) == before


def test_a_link_that_a_source_has_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()
    outside = tmp_path / "outside.toml"
    outside.write_text("")
    (tmp_path / "source/setup.cfg").touch()
    (tmp_path / "source/pyproject.toml").symlink_to(outside)
    declare_build_system(tmp_path / "source")
    assert outside.read_text() == ""
