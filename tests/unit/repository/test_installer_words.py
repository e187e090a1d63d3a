"""Functions of install.sh that take any text: versions as Python spells them, JSON."""

from __future__ import annotations

import json
import shlex
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omnibuild.package.versions import host_version
from tests.unit.repository.test_installer import SHELLS, script

FUNCTIONS = script().replace('main "$@"\n}', "}")
# Each has a shell read all of the script, so there are few, with many words.
FEW = settings(max_examples=max(2, settings.default.max_examples // 3))
SHELL = pytest.mark.parametrize("shell", SHELLS, ids=" ".join)

numbers = st.integers(0, 40).map(str)
marks = st.sampled_from(["", ".", "-", "_"])


def part(*words: str) -> st.SearchStrategy[str]:
    """A part of a version, or none, in any of its spellings."""
    spelled = st.tuples(marks, st.sampled_from(words), marks, numbers).map("".join)
    return st.one_of(st.just(""), spelled, spelled.map(str.upper))


versions = st.tuples(
    st.lists(numbers, min_size=1, max_size=3).map(".".join),
    part("a", "alpha", "b", "beta", "c", "rc", "pre", "preview"),
    part("post", "rev", "r"),
    part("dev"),
    st.sampled_from(["", "+ubuntu", "+git.5", "+local.7", "+5"]),
).map("".join)


def run(shell: list[str], lines: list[str]) -> str:
    text = "\n".join([FUNCTIONS, *lines])
    done = subprocess.run(
        [*shell, "-s"],
        input=text.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=True,
    )
    return done.stdout.decode()


@SHELL
@FEW
@given(st.lists(versions, min_size=1, max_size=15))
def test_what_python_calls_a_version_is_found(shell: list[str], asked: list[str]) -> None:
    lines = []
    for version in asked:
        there = f"{host_version(version)}-1"
        lines.append(f"version={version}; printf '%s\\n' 99-1 {there} 0-0 | chosen_version")
    assert run(shell, lines).splitlines() == [f"{host_version(version)}-1" for version in asked]


@SHELL
@FEW
@given(st.lists(st.binary(max_size=20).map(lambda text: text.replace(b"\0", b"")), max_size=24))
def test_any_text_is_json(shell: list[str], texts: list[bytes]) -> None:
    words = [text.decode("utf-8", "surrogateescape") for text in texts]
    said = run(shell, [f"json_text {shlex.quote(word)}; echo" for word in words])
    for text, line in zip(texts, said.splitlines(), strict=True):
        expected = "".join(
            "?" if byte > 126 + 1 else " " if byte < 32 or byte == 127 else chr(byte)
            for byte in text
        )
        assert json.loads(line) == (expected or None)
