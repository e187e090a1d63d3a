from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnibuild.payload.globs import matches, with_all_below


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("lib/*.so", "lib/x.so", True),
        ("lib/*.so", "lib/engines/x.so", False),
        ("lib/**/*.so", "lib/x.so", True),
        ("lib/**/*.so", "lib/engines/more/x.so", True),
        ("lib/**/tests/*", "lib/a/tests/b/tests/c", True),
        ("**/tests", "tests", True),
        ("**/tests", "tests/x", False),
        ("**", "a/b", True),
        ("lib/**", "lib", False),
        ("lib/**", "lib/a/b", True),
        ("lib/**/**", "lib", False),
        ("/opt/*/x?", "/opt/app/xy", True),
        ("[ab]/c", "b/c", True),
        ("a", "A", False),
    ],
)
def test_globs(glob: str, path: str, expected: bool) -> None:
    assert matches(glob, path) == expected


NAMES = st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=6)
GLOBS = st.lists(st.sampled_from(["a", "b", "*", "a*", "**"]), min_size=1, max_size=6)


@given(GLOBS, NAMES)
def test_globs_mean_what_a_pattern_says(globs: list[str], names: list[str]) -> None:
    pieces = []
    for number, name in enumerate(globs):
        last = number == len(globs) - 1
        if name == "**":
            pieces.append("[^/]+/(?:[^/]+/)*" if last else "(?:[^/]+/)*")
        else:
            pieces.append(name.replace("*", "[^/]*") + "/")
    expected = re.fullmatch("".join(pieces), "/".join(names) + "/") is not None
    assert matches("/".join(globs), "/".join(names)) == expected


def test_what_is_below_goes_with_it() -> None:
    paths = ["a", "a/tests", "a/tests/x", "a/y", "b"]
    found = with_all_below(["**/tests", "a/tests/x", "none"], paths)
    assert found == {"a/tests": {"**/tests"}, "a/tests/x": {"**/tests", "a/tests/x"}}


def test_many_stars_cost_no_time() -> None:
    assert not matches("/".join(["**", "a"] * 40 + ["b"]), "/".join(["a"] * 2000))
