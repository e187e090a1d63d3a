from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from packaging.pylock import Package
from packaging.requirements import Requirement

from omnibuild.errors import LockError
from omnibuild.locking.placing import Placing
from omnibuild.sources.python.project.declared import Choice
from omnibuild.sources.python.project.origins import Origin, origin_at, read_origins
from omnibuild.sources.python.project.rules import NO_RULES, Rules

PROJECT = '[project]\nname = "lib"\nversion = "3"\ndependencies = ["six"]\n'


def never(*_: object) -> object:
    raise AssertionError("nothing needs to be asked")


def test_what_a_project_says_goes_before_what_its_build_makes_of_it(tmp_path: Path) -> None:
    """Poetry's builds write the paths of a project as they are in the sandbox."""
    directory, scratch = tmp_path / "lib", tmp_path / "scratch"
    directory.mkdir()
    scratch.mkdir()
    (directory / "pyproject.toml").write_text(PROJECT)
    placing = Placing({"lib": Origin(directory)}, tmp_path, scratch, never, never)  # type: ignore[arg-type]
    seen: list[str] = []

    def resolved(requirements: Sequence[Requirement], rules: Rules) -> list[Package]:
        seen.extend(map(str, (*requirements, *rules.constraints)))
        return []

    asked = Requirement("lib[db] @ file:///build/lib")
    assert placing.resolve([asked], NO_RULES, resolved) == []
    assert seen == ["lib[db]", f"lib @ {(scratch / 'lib-3-py3-none-any.whl').as_uri()}"]
    # Whoever asked keeps what they wrote: locks remember it.
    assert asked.url
    with pytest.raises(LockError, match="not obeyed"):
        placing.resolve([Requirement("x @ file:///build/x")], NO_RULES, resolved)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("git+https://example.org/a.git@v1#subdirectory=b", "https://example.org/a.git at v1 in b"),
        ("git+ssh://git@example.org/a.git", "ssh://example.org/a.git"),
        ("https://example.org/a-1.tar.gz", "https://example.org/a-1.tar.gz"),
        ("git+ext://example.org/a", None),
        ("git+https://example.org/a@-x", None),
        ("git+https://example.org/a#subdirectory=../b", None),
        ("https://example.org/a", None),
        ("hg+https://example.org/a", None),
    ],
)
def test_addresses(url: str, said: str | None) -> None:
    found = origin_at(url)
    assert (str(found) if found else None) == said


def test_what_no_path_can_be_is_no_source(tmp_path: Path) -> None:
    text = '[project]\nname = "shop"\n[tool.uv.sources]\nlib = { path = "a\\u0000b" }\n'
    (tmp_path / "pyproject.toml").write_text(text)
    error = read_origins(tmp_path, Choice(), "3.13")["lib"].error
    assert error
    assert "`lib` comes from where nothing is obeyed" in str(error)
    # Nor is what is too long, and asking for it is no error.
    assert origin_at(f"file:///{'n' * 5000}") is None
