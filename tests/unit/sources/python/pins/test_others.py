from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from omnibuild.errors import LockError
from omnibuild.sources.python.pins.others import (
    choices_of_poetry,
    read_pipfile_lock,
    read_poetry_lock,
)
from omnibuild.sources.python.pins.pins import Pin
from omnibuild.sources.python.project.declared import Choice

DIGEST = "0" * 64
POETRY = f"""\
[[package]]
name = "Flask"
version = "3.0.1"
optional = false
groups = ["main", "dev"]
files = [{{file = "flask-3.0.1-py3-none-any.whl", hash = "sha256:{DIGEST}"}}]

[[package]]
name = "numpy"
version = "1"
markers = "python_version < '3.12'"
files = []

[[package]]
name = "numpy"
version = "2"
markers = {{main = "python_version >= '3.12'", dev = "python_version > '3'"}}
files = []

[[package]]
name = "pytest"
version = "8"
groups = ["dev"]
files = []

[metadata]
lock-version = "2.1"
"""


def test_poetry(tmp_path: Path) -> None:
    path = tmp_path / "poetry.lock"
    path.write_text(POETRY)
    pins = read_poetry_lock(path, "3.13")
    assert pins.versions == {
        "flask": Pin("3.0.1", frozenset({DIGEST})),
        "numpy": Pin("2"),
        "pytest": Pin("8"),
    }
    assert list(map(str, pins.requires)) == ["flask==3.0.1", "numpy==2"]
    assert read_poetry_lock(path, "3.11").versions["numpy"] == Pin("1")


def test_poetry_without_markers_does_not_guess(tmp_path: Path) -> None:
    path = tmp_path / "poetry.lock"
    path.write_text(POETRY.replace("markers", "was"))
    with pytest.raises(LockError, match="numpy is there in two versions"):
        read_poetry_lock(path, "3.13")


def test_pipenv(tmp_path: Path) -> None:
    path = tmp_path / "Pipfile.lock"
    packages = {
        "Flask": {"version": "==3.0.1", "hashes": [f"sha256:{DIGEST}"], "markers": "os_name=='nt'"},
        "six": {"version": "==1.17.0", "hashes": [f"sha256:{DIGEST}"], "index": "pypi"},
    }
    path.write_text(json.dumps({"default": packages, "develop": {"pytest": {"version": "==8"}}}))
    pins = read_pipfile_lock(path, "3.13")
    assert pins.versions == {"six": Pin("1.17.0", frozenset({DIGEST}))}
    assert list(map(str, pins.requires)) == ["six==1.17.0"]
    path.write_text("{")
    with pytest.raises(LockError, match="no JSON"):
        read_pipfile_lock(path, "3.13")


@pytest.mark.parametrize(
    ("requirement", "says"),
    [
        ("six>=2", "six>=2 is required, and it pins 1.17.0"),
        ("flask", "flask is required, and not in it"),
        ("flask; os_name == 'nt'", ""),
        ("six", ""),
    ],
)
def test_what_does_not_fit_is_told(tmp_path: Path, requirement: str, says: str) -> None:
    path = tmp_path / "Pipfile.lock"
    path.write_text(json.dumps({"default": {"six": {"version": "==1.17.0"}}}))
    pins = read_pipfile_lock(path, "3.13")
    if not says:
        pins.check([Requirement(requirement)], "3.13")
        return
    with pytest.raises(LockError, match="does not fit the project") as caught:
        pins.check([Requirement(requirement)], "3.13")
    assert (caught.value.why, caught.value.hint) == (says, "run: pipenv lock")


@pytest.mark.parametrize("groups", ["true", "1", '"main"', "[1]"])
def test_groups_that_are_none_are_refused(tmp_path: Path, groups: str) -> None:
    path = tmp_path / "poetry.lock"
    path.write_text(POETRY.replace('["main", "dev"]', groups))
    for read in (lambda: read_poetry_lock(path, "3.13"), lambda: choices_of_poetry(path)):
        with pytest.raises(LockError, match="groups of Flask"):
            read()


@pytest.mark.parametrize(
    "text", ["package = [1]\n", f"{POETRY}\n[extras]\na = 1\n", "extras = 1\npackage = 2\n"]
)
def test_what_is_of_another_type_is_no_traceback(tmp_path: Path, text: str) -> None:
    path = tmp_path / "poetry.lock"
    path.write_text(text)
    choices_of_poetry(path)
    with contextlib.suppress(LockError):
        read_poetry_lock(path, "3.13", Choice.of(["a"], []))


def test_markers_that_are_too_deep_are_none(tmp_path: Path) -> None:
    path = tmp_path / "poetry.lock"
    deep = "(" * 5000 + "os_name == 'nt'" + ")" * 5000
    path.write_text(POETRY.replace("python_version < '3.12'", deep).replace('"2"', '"1"'))
    assert read_poetry_lock(path, "3.13").versions["numpy"] == Pin("1")
