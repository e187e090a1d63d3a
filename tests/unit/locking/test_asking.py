"""Sources that do not say what they require."""

from __future__ import annotations

from pathlib import Path

from omnibuild.errors import StepError
from omnibuild.locking.asking import Source, not_built


def test_another_interpreter_may_help_a_package_and_not_the_project() -> None:
    failed = StepError("it failed", why="x\n  Multiple top-level packages\nwhole log: /l\n")
    package = not_built(Source("till", Path("till"), version="1"), "3.13", failed, "metadata")
    assert package.interpreter == "till 1: Multiple top-level packages"
    assert "till 1 requires" in package.what
    project = not_built(Source("", Path(".")), "3.13", failed, "metadata")
    assert project.interpreter == ""
    assert "Multiple top-level packages" in project.why
    assert project.what.startswith("what the project requires")
    build = not_built(Source("", Path(".")), "3.13", failed, "requires")
    assert build.what.startswith("what the build of the project requires")
