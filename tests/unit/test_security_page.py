"""docs/security.md promises what tests prove, and numbers of the code: both are looked up."""

from __future__ import annotations

import importlib
import re
from functools import reduce
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = (CHECKOUT / "docs/security.md").read_text()

NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
KEYS = ["May", "Enforced by", "Proven by", "Left open"]
NUMBERS = re.findall(r"^\|[^|]+\| ([\d,]+)[^|]*\|[^|]*\| `([\w.]+)` \|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("path", "test"), NAMED)
def test_every_named_test_is_there(path: str, test: str) -> None:
    assert re.search(rf"^def {test}\(", (CHECKOUT / path).read_text(), re.MULTILINE)


def test_every_place_is_told_whole_and_names_a_test() -> None:
    places = PAGE.partition("\n## When a signing key ends")[0].split("\n### ")[1:]
    assert len(places) > 20
    for place in places:
        text = place.partition("\n## ")[0]
        assert re.findall(r"^- \*\*([\w ]+)\*\*: ?", text, re.MULTILINE) == KEYS, text
        assert re.search(r"\*\*Proven by\*\*:\n(  - `tests/[^`]+::\w+`\n)+- ", text), text
    assert PAGE.partition("## Limits")[0].count("`tests/") == len(NAMED)


@pytest.mark.parametrize(("number", "name"), NUMBERS)
def test_every_number_is_that_of_the_code(number: str, name: str) -> None:
    module, constant, attributes = re.fullmatch(r"([a-z_.]+)\.([A-Z_]+)((?:\.\w+)*)", name).groups()  # type: ignore[union-attr]
    value = getattr(importlib.import_module(f"omnibuild.{module}"), constant)
    assert reduce(getattr, attributes.split(".")[1:], value) == int(number.replace(",", ""))


def test_every_limit_is_looked_up() -> None:
    limits = PAGE.partition("## Limits")[2]
    assert len(NUMBERS) == limits.count("\n| ") - 2  # the head, and memory, which has no limit
