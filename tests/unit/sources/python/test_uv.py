"""What uv says when it finds no solution."""

from __future__ import annotations

import pytest

from omnibuild.sources.python.resolving.uv import of_interpreter


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "Because no-such was not found in the package registry and you require no-such, we can"
            " conclude that your requirements are unsatisfiable.",
            "",
        ),
        (
            "Because there is no version of python-flask==9.9 and you require python-flask==9.9, we"
            " can conclude that your requirements are unsatisfiable.",
            "",
        ),
        (
            "Because only till<2 is there\n and because till==1 has no wheels with a matching\n"
            "   Python ABI tag (e.g., `cp313`), we can conclude that till cannot be used.",
            "till==1 has no wheels with a matching Python ABI tag (e.g., `cp313`)",
        ),
        (
            "Because the requested Python version (>=3.13) does not satisfy Python>=3.8,<3.12 and"
            " till==1 depends on Python>=3.8,<3.12, we can conclude that till==1 cannot be used.",
            "the requested Python version (>=3.13) does not satisfy Python>=3.8,<3.12 and till==1"
            " depends on Python>=3.8,<3.12",
        ),
    ],
)
def test_what_is_about_the_interpreter(said: str, reason: str) -> None:
    assert of_interpreter(said) == reason
