"""Which projects are built into a wheel, and which are used as they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.sources.python.backends import is_built

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
        ({"pyproject.toml": "project = 3\n[tool]\nuv = 3\n"}, False),
    ],
)
def test_is_built(tmp_path: Path, files: dict[str, str], built: bool) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert is_built(tmp_path) is built
