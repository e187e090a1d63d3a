"""What a project's files tell of its scripts and of what is served, and where they tell nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from omnibuild.starts.targets import missing, script_faults, web_fault

PROJECT = """\
[build-system]
requires = ["{backend}"]
build-backend = "{backend}"
[project]
name = "shop"
version = "1"
[project.scripts]
shop = "shop.clii:main"
stall = "shop.cli:mian"
idle = "shop.nowhere:main"
other = "elsewhere:main"
fine = "shop.cli:main"
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    package = tmp_path / "src/shop"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "cli.py").write_text("def main():\n    pass\n")
    (tmp_path / "pyproject.toml").write_text(PROJECT.format(backend="hatchling.build"))
    return tmp_path


def test_scripts_that_cannot_start(project: Path) -> None:
    found = {fault.path[-1]: fault for fault in script_faults(project, ("shop", "stall", "fine"))}
    assert found.keys() == {"shop", "stall"}
    assert "no module `shop.clii`" in found["shop"].what
    assert found["shop"].hint == "did you mean `shop.cli`?"
    assert "`shop.cli` has nothing called `mian`" in found["stall"].what
    assert found["stall"].hint == "did you mean `main`?"
    assert not list(script_faults(project, ("other",)))


@pytest.mark.parametrize(
    "change",
    [
        ("pyproject.toml", PROJECT.format(backend="maturin")),
        ("pyproject.toml", PROJECT.format(backend="hatchling.build") + "[tool.hatch.build.hooks]"),
        ("setup.py", ""),
        ("src/shop/clii.pyx", ""),
        ("src/shop/clii/data", ""),
    ],
)
def test_what_a_build_may_bring_is_not_missing(project: Path, change: tuple[str, str]) -> None:
    place, text = change
    (project / place).parent.mkdir(exist_ok=True)
    (project / place).write_text(text)
    assert missing(project, "shop.clii:main") is None


def test_what_only_running_would_tell_is_not_missing(project: Path) -> None:
    for code in ("from os import *\n", "def __getattr__(name): ...\n", "def broken(:\n"):
        (project / "src/shop/cli.py").write_text(code)
        assert missing(project, "shop.cli:mian") is None
    # A module can be imported of a package as well.
    assert missing(project, "shop:cli.main") is None


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("def create_app(): ...", True),
        ("def create_app(settings=None): ...", True),
        ("def create_app(environ, start_response): ...", False),
        ("def create_app(*request): ...", False),
        ("@wrapped\ndef create_app(): ...", False),
        ("def create_app(): ...\ncreate_app = create_app()", False),
    ],
)
def test_a_factory_is_called(project: Path, code: str, wrong: bool) -> None:
    (project / "src/shop/cli.py").write_text(f"{code}\n")
    fault = web_fault(project, "shop.cli:create_app")
    assert (fault is not None) == wrong
    if fault:
        assert fault[1] == "write `shop.cli:create_app()`"
    assert web_fault(project, "shop.cli:create_app()") is None
