"""Tests of expressions that are compiled late."""

from __future__ import annotations

import re

import pytest

from omnibuild.patterns import regex


def test_a_pattern_is_compiled_once_and_when_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = []
    monkeypatch.setattr("omnibuild.patterns.re.compile", compile_into(compiled))
    words = regex("[a-z]+", re.IGNORECASE)
    assert not compiled
    assert words.fullmatch("Shop")
    assert not words.fullmatch("1")
    assert len(compiled) == 1


def compile_into(compiled: list[str]) -> object:
    def compile_it(pattern: str, flags: int) -> re.Pattern[str]:
        compiled.append(pattern)
        return original(pattern, flags)

    original = re.compile
    return compile_it
