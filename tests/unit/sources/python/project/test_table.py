"""Each setting of uv is obeyed, refused or harmless, and none is forgotten."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from omnibuild.errors import DefinitionError
from omnibuild.sources.python.index import uv
from omnibuild.sources.python.project.declared import NOTHING, Choice
from omnibuild.sources.python.project.rules import NO_RULES, read_rules
from omnibuild.sources.python.project.settings import (
    HARMLESS,
    OBEYED,
    REFUSED,
    refuse_builds,
    refuse_unobeyed,
)

# How each that is obeyed is written, for a project whose rules it then changes; the others are
# those that other modules obey.
RULES = {
    "build-constraint-dependencies": '["a<2"]',
    "constraint-dependencies": '["a<2"]',
    "exclude-dependencies": '["a"]',
    "extra-index-url": '["https://example.org"]',
    "index": '[{ url = "https://example.org" }]',
    "index-url": '"https://example.org"',
    "no-binary-package": '["a"]',
    "override-dependencies": '["a<2"]',
    "prerelease": '"allow"',
    "resolution": '"lowest"',
}
ELSEWHERE = {
    *("build-backend", "conflicts", "dev-dependencies", "environments", "package"),
    *("sources", "workspace"),
}


def project(directory: Path, text: str) -> Path:
    (directory / "pyproject.toml").write_text(f'[project]\nname = "shop"\n{text}\n')
    return directory


def refused(directory: Path) -> None:
    refuse_unobeyed(directory)
    refuse_builds(directory, NOTHING, "3.13")


def test_all_that_uv_knows_are_sorted_once(tmp_path: Path) -> None:
    (tmp_path / "uv.toml").write_text("what-is-there = 1\n")
    words = (
        "pip",
        "compile",
        "--config-file",
        tmp_path / "uv.toml",
        "--offline",
        "--no-cache",
        "-",
    )
    said = uv().run(*words, check=False).stderr.decode()
    known = set(re.findall(r"`([a-z-]+)`", said.partition("expected one of")[2]))
    assert len(known) > 60
    groups = (OBEYED, REFUSED, HARMLESS.keys())
    assert not known - set().union(*groups)
    assert sum(map(len, groups)) == len(set().union(*groups))
    assert set(OBEYED) == RULES.keys() | ELSEWHERE


@pytest.mark.parametrize("key", sorted(RULES))
def test_what_is_obeyed_changes_the_rules(tmp_path: Path, key: str) -> None:
    project(tmp_path, f"[tool.uv]\n{key} = {RULES[key]}")
    refused(tmp_path)
    assert read_rules(tmp_path, NOTHING, "3.13") != NO_RULES


@pytest.mark.parametrize("key", sorted(REFUSED))
@pytest.mark.parametrize("file", ["pyproject.toml", "uv.toml"])
def test_what_is_refused_is_named(tmp_path: Path, key: str, file: str) -> None:
    text = f'[tool.uv]\n{key} = "x"' if file == "pyproject.toml" else ""
    project(tmp_path, text)
    if not text:
        (tmp_path / file).write_text(f'{key} = "x"\n')
    with pytest.raises(DefinitionError, match=rf"`(tool\.uv\.)?{key}` changes") as caught:
        refused(tmp_path)
    assert caught.value.where is not None
    assert caught.value.where.file == str(tmp_path / file)
    # What says what is done anyway asks for nothing.
    project(tmp_path, f"[tool.uv]\n{key} = false")
    (tmp_path / "uv.toml").unlink(missing_ok=True)
    refused(tmp_path)


@pytest.mark.parametrize("key", sorted(HARMLESS))
def test_what_is_harmless_changes_nothing(tmp_path: Path, key: str) -> None:
    project(tmp_path, f'[tool.uv]\n{key} = "x"')
    refused(tmp_path)
    assert read_rules(tmp_path, NOTHING, "3.13") == NO_RULES


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("environments = [\"sys_platform == 'win32'\"]", "not for CPython 3.13 on Linux"),
        ('conflicts = [[{ extra = "cpu" }, { extra = "gpu" }]]', "cpu and gpu exclude each other"),
    ],
)
def test_what_uv_would_not_install(tmp_path: Path, text: str, says: str) -> None:
    project(tmp_path, f"[tool.uv]\n{text}")
    if "cpu" in text:
        refuse_builds(tmp_path, Choice.of(["cpu"], ()), "3.13")
    with pytest.raises(DefinitionError, match=says):
        refuse_builds(tmp_path, Choice.of(["cpu", "gpu"], ()), "3.13")


def test_what_concerns_another_environment(tmp_path: Path) -> None:
    text = """
[[tool.uv.index]]
name = "corp"
url = "https://example.org"
explicit = true

[tool.uv.sources]
Here = [{ index = "corp", marker = "sys_platform == 'linux'" }]
there = { index = "corp", marker = "sys_platform == 'win32'" }
extra = { index = "corp", extra = "Db" }
"""
    project(tmp_path, text)
    assert read_rules(tmp_path, NOTHING, "3.13").indexes.pinned.keys() == {"here"}
    chosen = read_rules(tmp_path, Choice.of(["db"], ()), "3.13")
    assert chosen.indexes.pinned.keys() == {"here", "extra"}
